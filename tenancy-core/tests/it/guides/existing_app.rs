//! `docs/guides/isolate-an-existing-app.md`: from a single-tenant sqlx app to an isolated one.

mod after;
mod before;
mod proof;

use sqlx::{Connection as _, PgConnection, PgPool, postgres::PgConnectOptions};
use tenancy_core::{
    Manifest, TableKind,
    db::{DbError, PostgresCell},
    isolation::{Isolation, IsolationMode, Looks, Roles, SealKey, audit::Enforcement, introspect},
};
use tenancy_testkit::{Database, Postgres};

use super::{let_in, page::Page, tenant};
use crate::isolation::world::{Outcome, outcome, refused, run};

const GUIDE: &str = include_str!("../../../../docs/guides/isolate-an-existing-app.md");
const PROGRAM: &str = concat!(
    include_str!("existing_app/before.rs"),
    include_str!("existing_app/after.rs"),
    include_str!("existing_app/proof.rs")
);

/// What the one customer had, its second project apart: the application itself makes that one.
const ROWS: &str = "
insert into currency values ('EUR', 2);
insert into member (id, email, name) values
    ('00000000-0000-4000-8000-000000000001', 'ann@example.com', 'Ann'),
    ('00000000-0000-4000-8000-000000000002', 'ben@example.com', 'Ben');
insert into project (id, owner_id, name) values
    ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000001', 'House');
insert into task (id, project_id, assignee_id, title) values
    ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000003',
        '00000000-0000-4000-8000-000000000002', 'Roof');
insert into comment (task_id, author_id, body)
    select '00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000001', 'comment ' || n
    from generate_series(1, 1000) n;
insert into attachment (task_id, file_name, bytes) values ('00000000-0000-4000-8000-000000000004', 'roof.png', 9);
insert into label (id, name) values ('00000000-0000-4000-8000-000000000005', 'urgent');
insert into task_label values ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000005');
insert into invoice (currency, cents) values ('EUR', 100), ('EUR', 200);
";

const HOUSE: &str = "00000000-0000-4000-8000-000000000003";

const TABLES: [&str; 8] = [
    "member",
    "project",
    "task",
    "comment",
    "attachment",
    "label",
    "task_label",
    "invoice",
];

struct App {
    database: Database,
    admin: PgConnection,
    guide: Page,
}

impl App {
    /// The roles of the guide belong to the whole cluster, so they are named for the database here.
    async fn new() -> Self {
        let database = Postgres::shared().database().unwrap();
        let mut guide = Page::new(&GUIDE.replace("planner", database.name()), PROGRAM);
        let roles = Roles::named(database.name()).unwrap();
        guide.environment.extend([
            ("ADMIN_URL", database.url()),
            ("APP_URL", database.url_as(&roles.app())),
            ("AUDITOR_URL", database.url_as(&roles.auditor())),
            ("PROBER_URL", database.url_as(&roles.prober())),
        ]);
        Self {
            admin: PgConnection::connect(&database.url()).await.unwrap(),
            database,
            guide,
        }
    }

    async fn section(&mut self, heading: &str) {
        self.guide.section(heading, &mut self.admin).await;
    }

    fn manifest(&self) -> Manifest {
        let text = std::fs::read_to_string(self.guide.folder().join("tables.toml")).unwrap();
        Manifest::from_toml(&text).unwrap()
    }

    fn isolation(&self, mode: IsolationMode) -> Isolation {
        let roles = Roles::named(self.database.name()).unwrap();
        Isolation::new(&self.manifest(), roles, mode)
    }

    fn url(&self, role: &str) -> PgConnectOptions {
        self.database.url_as(role).parse().unwrap()
    }

    async fn open(
        &self,
        mode: IsolationMode,
        key: Option<SealKey>,
    ) -> Result<PostgresCell, Box<dyn std::error::Error>> {
        let isolation = self.isolation(mode);
        let (app, mover) = (isolation.roles().app(), isolation.roles().mover());
        after::open(
            self.url(&app),
            self.url(&mover),
            &isolation,
            key,
            Enforcement::Enforced,
        )
        .await
    }

    /// How many rows everybody has together, for whom row security does not bind.
    async fn count(&mut self, table: &'static str) -> i64 {
        let sql = format!("select count(*) from {table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&mut self.admin)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn an_app_of_one_tenant_becomes_an_isolated_one_of_two() {
    let mut app = App::new().await;
    app.section("Where it starts").await;
    run(&mut app.admin, ROWS).await;
    let pool = PgPool::connect(&app.database.url()).await.unwrap();
    before::add_task(&pool, HOUSE, "Door").await.unwrap();
    assert_eq!(before::open_tasks(&pool).await.unwrap(), ["Door", "Roof"]);

    app.section("Write the tables down").await;
    app.section("Decide").await;
    app.section("Give each row its tenant").await;
    let nobodys = "select 1 from comment where tenant_id is distinct from 1";
    assert_eq!(outcome(&mut app.admin, nobodys).await, Outcome::Rows(0));
    // The application runs on as it was.
    before::add_task(&pool, HOUSE, "Window").await.unwrap();

    app.section("Keys that know the tenant").await;
    before::add_task(&pool, HOUSE, "Wall").await.unwrap();
    let tasks = before::open_tasks(&pool).await.unwrap();
    assert_eq!(tasks, ["Door", "Roof", "Wall", "Window"]);
    pool.close().await;
    what_is_introspected_is_what_was_decided(&mut app).await;

    app.section("Change the code").await;
    app.section("Install").await;
    app.section("Audit").await;
    let cell = app.open(IsolationMode::Plain, None).await.unwrap();
    after::let_in(&cell, tenant(1)).await.unwrap();
    after::let_in(&cell, tenant(2)).await.unwrap();
    the_first_customer_notices_nothing(&cell).await;

    app.section("The second customer").await;
    the_second_customer_moves_in(&cell).await;
    neither_reaches_the_other(&mut app, &cell).await;
    without_isolation_both_are_seen(&mut app, &cell).await;
    drop(cell);

    // Processes have the key before the cell is sealed.
    let (sealed, early) = (
        app.isolation(IsolationMode::Sealed),
        SealKey::new("first", [7; 32]),
    );
    let (web, mover) = (
        app.url(&sealed.roles().app()),
        app.url(&sealed.roles().mover()),
    );
    let cell = after::open(web, mover, &sealed, early.ok(), Enforcement::ReportOnly)
        .await
        .unwrap();
    neither_reaches_the_other(&mut app, &cell).await;
    drop(cell);

    app.section("Seal it").await;
    let mode = std::fs::metadata(app.guide.folder().join("seal.key")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&mode) & 0o077, 0);
    let unsealed = app.open(IsolationMode::Plain, None).await.unwrap_err();
    assert!(unsealed.to_string().contains("M1"), "{unsealed}");
    let cell = app
        .open(IsolationMode::Sealed, Some(key(&app)))
        .await
        .unwrap();
    neither_reaches_the_other(&mut app, &cell).await;
    drop(cell);

    app.section("Keep it so").await;
    let pool = PgPool::connect(&app.database.url()).await.unwrap();
    proof::tasks_are_their_customers_own(pool, app.manifest()).await;
    app.guide.end();
}

/// The introspection of the finished tables agrees with the person.
async fn what_is_introspected_is_what_was_decided(app: &mut App) {
    let found = introspect(&mut app.admin, &["tenant_id"]).await.unwrap();
    assert!(
        found
            .findings()
            .iter()
            .all(|one| one.check.id() == "T7" || one.check.id() == "I1"),
        "{:?}",
        found.findings()
    );
    let manifest = app.manifest();
    assert_eq!(found.tables().len(), manifest.tables().len());
    for one in found.tables() {
        let declared = manifest.table(one.table.name()).unwrap();
        let is_tenants = matches!(declared.kind(), TableKind::Tenant { .. });
        assert_eq!(one.looks == Looks::Tenants, is_tenants, "{one:?}");
        assert_eq!(one.needs_unique.is_some(), !is_tenants, "{one:?}");
        if is_tenants && declared.parents().len() < 2 {
            assert_eq!(&one.table, declared);
        }
    }
}

async fn the_first_customer_notices_nothing(cell: &PostgresCell) {
    let ctx = let_in(1).read_write().unwrap();
    after::create_task(cell, &ctx, HOUSE, "Stairs")
        .await
        .unwrap();
    let mut tx = cell.begin(&ctx);
    let tasks = after::open_tasks(&mut tx).await.unwrap();
    assert_eq!(tasks, ["Door", "Roof", "Stairs", "Wall", "Window"]);
    let found = after::tasks_beginning_with(&mut tx, "W").await.unwrap();
    assert_eq!(found, ["Wall", "Window"]);
    let number = after::add_invoice(&mut tx, "EUR", 300).await.unwrap();
    assert_eq!(number, 3, "the numbers go on");
    tx.commit().await.unwrap();
}

async fn the_second_customer_moves_in(cell: &PostgresCell) {
    let ctx = let_in(2).read_write().unwrap();
    let mut tx = cell.begin(&ctx);
    let garden: String = sqlx::query_scalar(
        "with owner as (insert into member (email, name) values ('eve@example.com', 'Eve') returning id)
        insert into project (owner_id, name) select id, 'Garden' from owner returning id::text",
    )
    .fetch_one(&mut tx)
    .await
    .unwrap();
    let task = after::add_task(&mut tx, &garden, "Window box")
        .await
        .unwrap();
    for sql in [
        "insert into comment (task_id, author_id, body) select $1::uuid, id, 'mine' from member",
        "insert into attachment (task_id, file_name, bytes) values ($1::uuid, 'box.png', 1)",
        "with made as (insert into label (name) values ('urgent') returning id)
        insert into task_label (task_id, label_id) select $1::uuid, id from made",
    ] {
        sqlx::query(sql).bind(&task).execute(&mut tx).await.unwrap();
    }
    let number = after::add_invoice(&mut tx, "EUR", 900).await.unwrap();
    assert_eq!(number, 1, "each customer counts for itself");
    tx.commit().await.unwrap();
}

/// Both have rows in each table, and each counts its own alone.
async fn neither_reaches_the_other(app: &mut App, cell: &PostgresCell) {
    let (first, second) = (let_in(1).read_write().unwrap(), let_in(2).read_only());
    let mut second = cell.begin(&second);
    let mut writer = cell.begin(&first);
    for table in TABLES {
        let sql = format!("select count(*) from {table}");
        let count = || sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql.clone()));
        let first: i64 = count().fetch_one(&mut writer).await.unwrap();
        let others: i64 = count().fetch_one(&mut second).await.unwrap();
        assert!(first > 0 && others > 0, "{table}: {first} and {others}");
        assert_eq!(first + others, app.count(table).await, "{table}");
    }
    let found = after::tasks_beginning_with(&mut second, "W").await.unwrap();
    assert_eq!(found, ["Window box"]);
    second.commit().await.unwrap();
    let sweeping = sqlx::query("update task set done = done").execute(&mut writer);
    let own = app.count("task where tenant_id = 1").await;
    let swept = sweeping.await.unwrap().rows_affected();
    assert_eq!(i64::try_from(swept).unwrap(), own);
    writer.commit().await.unwrap();

    // A parent of the other customer's is no parent.
    let second = let_in(2).read_write().unwrap();
    let foreign = after::create_task(cell, &second, HOUSE, "Cellar").await;
    assert!(
        matches!(&foreign, Err(DbError::Constraint { .. })),
        "{foreign:?}"
    );
    // Control: it is one for its own.
    let own = after::create_task(cell, &first, HOUSE, "Cellar").await;
    own.unwrap();
    run(&mut app.admin, "delete from task where title = 'Cellar'").await;
}

/// Control: what keeps them apart is the isolation, and not the statements.
async fn without_isolation_both_are_seen(app: &mut App, cell: &PostgresCell) {
    let off = "alter table task disable row level security";
    run(&mut app.admin, off).await;
    let ctx = let_in(2).read_only();
    let mut tx = cell.begin(&ctx);
    let seen = after::open_tasks(&mut tx).await.unwrap();
    assert!(seen.contains(&"Roof".to_owned()), "{seen:?}");
    tx.commit().await.unwrap();
    let on = "alter table task enable row level security";
    run(&mut app.admin, on).await;

    // And of the composite foreign key.
    let plain = "begin; alter table task drop constraint task_project;
        alter table task add constraint plain foreign key (project_id) references project;
        insert into task (tenant_id, project_id, title)
            values (2, '00000000-0000-4000-8000-000000000003', 'Cellar'); rollback";
    run(&mut app.admin, plain).await;
    let composite = "insert into task (tenant_id, project_id, title)
        values (2, '00000000-0000-4000-8000-000000000003', 'Cellar')";
    assert_eq!(outcome(&mut app.admin, composite).await, refused("23503"));
}

fn key(app: &App) -> SealKey {
    let text = std::fs::read_to_string(app.guide.folder().join("seal.key")).unwrap();
    let (id, hex) = text.trim().split_once(':').unwrap();
    let mut secret = [0; 32];
    for (byte, digits) in secret.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    }
    SealKey::new(id, secret).unwrap()
}
