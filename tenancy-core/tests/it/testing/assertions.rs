use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_core::{
    ReadOnly, ReadWrite, TenantContext,
    db::{CellDb, DbError},
    isolation::IsolationMode,
    protocol::FenceEvent,
    testing::{Foreign, Rows, TestCell, assert_bound, assert_invisible, assert_rejected},
    types::{Epoch, Lifecycle},
};
use tenancy_testkit::Postgres;

use super::complaint;
use crate::db::{SCHEMA, Sqlite, manifest, options, postgres, stock, tenant, until_so};

const INSERT: &str = "insert into product values ($1, 9, 'nine', 'Nine', null, 0.5)";

fn context(id: u32) -> TenantContext<ReadWrite> {
    TenantContext::for_test(tenant(id))
}

fn mug() -> Rows {
    Rows::table("product").key("id", 1)
}

/// Tenant 1 has a product and a slug; tenant 2 has none.
async fn furnish(cell: &CellDb) {
    stock(cell, 1, "Mug").await;
    let mut tx = cell.begin(&context(1));
    tx.sql("insert into slug values (1, 'one')")
        .run()
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// On both databases.
async fn cells() -> [(CellDb, Option<Sqlite>); 2] {
    let sqlite = Sqlite::new(2, options(2)).await;
    let (postgres, _) = postgres(2, options(2)).await;
    let cells = [(sqlite.cell.clone(), Some(sqlite)), (postgres, None)];
    for (cell, _) in &cells {
        furnish(cell).await;
    }
    cells
}

#[test]
fn a_context_for_tests_is_of_its_tenant_at_the_first_epoch() {
    let reader: TenantContext<ReadOnly> = TenantContext::for_test(tenant(7));
    assert_eq!((reader.tenant(), reader.epoch()), (tenant(7), Epoch::FIRST));
    assert_eq!(context(7).placement(), reader.placement());
}

#[tokio::test]
async fn rows_that_are_kept_apart_are_invisible() {
    let (one, two) = (context(1), context(2));
    for (cell, _folder) in cells().await {
        assert_invisible(&cell, &one, &two, mug()).await;
        assert_invisible(&cell, &one, &two, Rows::table("product")).await;
        let slug = Rows::table("slug").key("shop", 1).key("slug", "one");
        assert_invisible(&cell, &one, &two, slug).await;
        let joined = "select p.title from product p join slug s on s.shop = p.tenant_id";
        assert_invisible(&cell, &one, &two, joined).await;
        assert_rejected(&cell, &one, two.tenant(), INSERT).await;
        let given_away = "update product set tenant_id = $1 where id = 1";
        assert_rejected(&cell, &one, two.tenant(), given_away).await;
    }
}

#[tokio::test]
async fn an_assertion_about_nothing_fails() {
    let (one, two) = (context(1), context(2));
    let nobodys = || Rows::table("product").key("id", 77);
    for (cell, _folder) in cells().await {
        for (rows, why) in [
            (nobodys(), "cannot read them itself: there are none"),
            (
                "select title from product where id = 77".into(),
                "there are none",
            ),
            (Rows::table("produkt"), "cannot read them itself"),
            (Rows::table("currency"), "cannot delete them itself"),
        ] {
            let said = complaint(assert_invisible(&cell, &one, &two, rows.clone())).await;
            assert!(said.contains("this proves nothing"), "{said}");
            assert!(said.contains(why), "{said}");
            assert!(
                said.contains("assertions.rs:"),
                "where it was called: {said}"
            );
        }
        let said = complaint(assert_invisible(&cell, &one, &one, mug())).await;
        assert!(said.ends_with("the same tenant"), "{said}");
        for (sql, why) in [
            (
                "insert into produkt values ($1)",
                "it fails for tenant 1 itself",
            ),
            (
                "insert into mark values (2 + 0 * $1)",
                "it fails for tenant 1 itself",
            ),
            (
                "update product set tenant_id = $1 where id = 77",
                "it changes no row",
            ),
        ] {
            let said = complaint(assert_rejected(&cell, &one, two.tenant(), sql)).await;
            assert!(said.contains("proves nothing"), "{said}");
            assert!(said.contains(why), "{said}");
        }
    }
}

#[tokio::test]
async fn what_everybody_sees_leaks() {
    let (one, two) = (context(1), context(2));
    for (cell, _folder) in cells().await {
        let everybodys = "select code from currency order by code";
        let said = complaint(assert_invisible(&cell, &one, &two, everybodys)).await;
        let leak = "LEAK: tenant 2 can read 2 of tenant 1's rows\n    code: EUR\n    code: JPY";
        assert!(said.contains(leak), "{said}");
    }
}

/// Control: without row security each assertion fails, and says what leaks.
#[tokio::test]
async fn without_row_security_everything_leaks() {
    let (cell, url) = postgres(2, options(2)).await;
    furnish(&cell).await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("alter table product disable row level security")
        .execute(&mut admin)
        .await
        .unwrap();
    let (one, two) = (context(1), context(2));
    let said = complaint(assert_invisible(&cell, &one, &two, mug())).await;
    for leak in [
        "LEAK: tenant 2 can read 1 of tenant 1's rows\n    tenant_id: 1, id: 1, handle: mug, title: Mug",
        "LEAK: tenant 2 can update 1 of tenant 1's rows",
        "LEAK: tenant 2 can delete 1 of tenant 1's rows",
    ] {
        assert!(said.contains(leak), "{said}");
    }
    let said = complaint(assert_rejected(&cell, &two, one.tenant(), INSERT)).await;
    assert!(
        said.contains("LEAK") && said.contains("changes 1 rows"),
        "{said}"
    );
    // Refused, but only because the key is taken.
    let taken = "insert into product values ($1, 1, 'mug', 'Mug', null, 0.5)";
    let said = complaint(assert_rejected(&cell, &two, one.tenant(), taken)).await;
    assert!(said.contains("not for being another's"), "{said}");
    // Nothing of all this stayed.
    let rows: i64 = sqlx::query_scalar("select count(*) from product")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn only_a_connection_that_row_security_binds_is_bound() {
    let database = Postgres::shared().database().unwrap();
    let admin: PgConnectOptions = database.url().parse().unwrap();
    let mut superuser = PgConnection::connect_with(&admin).await.unwrap();
    sqlx::raw_sql(SCHEMA).execute(&mut superuser).await.unwrap();
    TestCell::open(&admin, &manifest(), IsolationMode::Plain)
        .await
        .unwrap();
    let login = async |role: &str| {
        let role = format!("{}_{role}", database.name());
        PgConnection::connect(&database.url_as(&role))
            .await
            .unwrap()
    };
    assert_bound(&mut login("app").await).await;
    let said = complaint(assert_bound(&mut login("mover").await)).await;
    assert!(said.contains("_mover, which has BYPASSRLS"), "{said}");
    let said = complaint(assert_bound(&mut superuser)).await;
    assert!(said.contains("postgres, a superuser"), "{said}");
    // Only for now: it could become the superuser again.
    let become_app = format!("set role {}_app", database.name());
    sqlx::raw_sql(sqlx::AssertSqlSafe(become_app))
        .execute(&mut superuser)
        .await
        .unwrap();
    let said = complaint(assert_bound(&mut superuser)).await;
    assert!(said.contains("postgres, a superuser"), "{said}");
    // An owner whose tables do not force it is not bound either.
    let owner = format!(
        "reset role; create role {0}_careless login; create table {0}_own (id bigint); \
         alter table {0}_own enable row level security; alter table {0}_own owner to {0}_careless",
        database.name()
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(owner))
        .execute(&mut superuser)
        .await
        .unwrap();
    let said = complaint(assert_bound(&mut login("careless").await)).await;
    assert!(
        said.contains("who may take its row security away"),
        "{said}"
    );
    // Forced or not, it is the owner's to take away.
    let force = format!(
        "alter table {}_own force row level security",
        database.name()
    );
    database.run(&force).unwrap();
    let said = complaint(assert_bound(&mut login("careless").await)).await;
    assert!(
        said.contains("who may take its row security away"),
        "{said}"
    );
    // A superuser who calls itself the application may call itself a superuser again.
    let as_app = format!("set session authorization {}_app", database.name());
    sqlx::raw_sql(sqlx::AssertSqlSafe(as_app))
        .execute(&mut superuser)
        .await
        .unwrap();
    let said = complaint(assert_bound(&mut superuser)).await;
    assert!(said.contains("postgres, a superuser"), "{said}");
}

#[tokio::test]
async fn a_connection_that_nothing_is_kept_from_is_not_bound() {
    let database = Postgres::shared().database().unwrap();
    let plain = format!(
        "create table note (id bigint); create role {0}_plain login; grant select on note to {0}_plain",
        database.name()
    );
    database.run(&plain).unwrap();
    let role = format!("{}_plain", database.name());
    let mut connection = PgConnection::connect(&database.url_as(&role))
        .await
        .unwrap();
    let said = complaint(assert_bound(&mut connection)).await;
    assert!(said.contains("this proves nothing"), "{said}");
    database
        .run("alter table note enable row level security")
        .unwrap();
    assert_bound(&mut connection).await;
}

/// Both have a product 1, as keys that begin with the tenant allow. (SQLite refuses such a statement to both.)
#[tokio::test]
async fn rows_of_the_others_own_with_the_same_key_are_no_leak() {
    let (one, two) = (context(1), context(2));
    let (cell, url) = postgres(2, options(2)).await;
    furnish(&cell).await;
    stock(&cell, 2, "Cup").await;
    assert_invisible(&cell, &one, &two, mug()).await;
    assert_invisible(&cell, &two, &one, Rows::table("product")).await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("alter table product disable row level security")
        .execute(&mut admin)
        .await
        .unwrap();
    let said = complaint(assert_invisible(&cell, &one, &two, mug())).await;
    // Each now reaches both rows.
    for leak in ["read 2 of", "update 2 of", "delete 2 of"] {
        assert!(said.contains(leak), "{said}");
    }
}

/// What is refused for another reason is not refused for being another's.
#[tokio::test]
async fn a_missing_right_is_no_proof() {
    let (one, two) = (context(1), context(2));
    let (cell, url) = postgres(2, options(2)).await;
    furnish(&cell).await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    // A trigger with the code of a policy, before the policy is asked.
    let complains = "create function complain() returns trigger language plpgsql as
            'begin if new.tenant_id = 1 then raise insufficient_privilege; end if; return new; end';
        create trigger complain before insert or update on product
            for each row execute function complain()";
    sqlx::raw_sql(complains).execute(&mut admin).await.unwrap();
    let said = complaint(assert_rejected(&cell, &two, one.tenant(), INSERT)).await;
    assert!(said.contains("not for being another's"), "{said}");
}

/// A condition that is about the tenant finds no row of another's, which is as well.
#[tokio::test]
async fn a_statement_that_finds_nothing_writes_nothing() {
    let (one, two) = (context(1), context(2));
    let (cell, _) = postgres(2, options(2)).await;
    furnish(&cell).await;
    let renamed = "update product set title = 'x' where tenant_id = $1";
    assert_rejected(&cell, &one, two.tenant(), renamed).await;
}

/// A private server, which asks everybody for a password.
#[tokio::test]
async fn a_server_with_passwords_has_cells_too() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    database.run(SCHEMA).unwrap();
    let mut admin = PgConnection::connect(&database.url()).await.unwrap();
    let ask = "alter role postgres password 's3cret';
        do $$ begin execute format('copy (values (''local all all scram-sha-256''),
            (''host all all all scram-sha-256'')) to %L', current_setting('hba_file')); end $$;
        select pg_reload_conf()";
    sqlx::raw_sql(ask).execute(&mut admin).await.unwrap();
    let without: PgConnectOptions = database.url().parse().unwrap();
    // Until the server has read its rules.
    let asked = async || PgConnection::connect_with(&without).await.is_err();
    until_so("it asks for a password", asked).await;
    let superuser = without.password("s3cret");
    let cell = TestCell::open(&superuser, &manifest(), IsolationMode::Sealed)
        .await
        .unwrap();
    let again = TestCell::open(&superuser, &manifest(), IsolationMode::Sealed)
        .await
        .unwrap();
    let one = cell.tenant(tenant(1)).await.unwrap();
    for cell in [&cell, &again] {
        let mut tx = cell.begin(&one);
        sqlx::query("insert into mark values (1) on conflict do nothing")
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    assert!(!format!("{cell:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_cell_is_made_by_an_administrator_and_never_opened_as_one() {
    let database = Postgres::shared().database().unwrap();
    database.run(SCHEMA).unwrap();
    let admin: PgConnectOptions = database.url().parse().unwrap();
    let cell = TestCell::open(&admin, &manifest(), IsolationMode::Sealed)
        .await
        .unwrap();
    let one = cell.tenant(tenant(1)).await.unwrap();
    let mut tx = cell.begin(&one);
    let role: String = sqlx::query_scalar("select current_user::text")
        .fetch_one(&mut tx)
        .await
        .unwrap();
    assert_eq!(role, format!("{}_app", database.name()));
    tx.rollback().await;
    let app: PgConnectOptions = database.url_as(&role).parse().unwrap();
    let refused = TestCell::open(&app, &manifest(), IsolationMode::Sealed)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("superuser"), "{refused}");
}

/// Two cells of one database, as two tests' helpers may make them.
#[tokio::test]
async fn a_tenant_is_made_once_however_often_it_is_asked_for() {
    let database = Postgres::shared().database().unwrap();
    database.run(SCHEMA).unwrap();
    let admin: PgConnectOptions = database.url().parse().unwrap();
    let manifest = manifest();
    let open = || TestCell::open(&admin, &manifest, IsolationMode::Sealed);
    let (cell, again) = (open().await.unwrap(), open().await.unwrap());
    for cell in [&cell, &cell, &again] {
        let one = cell.tenant(tenant(1)).await.unwrap();
        let mut tx = cell.begin(&one);
        let insert = sqlx::query("insert into mark values (1) on conflict do nothing");
        insert.execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    }
    // What somebody has changed meanwhile is not taken for new.
    let now = cell.fence(tenant(1)).await.unwrap();
    let event = FenceEvent::Lifecycle {
        lifecycle: Lifecycle::ReadOnly,
        epoch: Epoch::FIRST.next().unwrap(),
    };
    cell.change_fence(tenant(1), now, event).await.unwrap();
    let refused = again.tenant(tenant(1)).await.unwrap_err();
    assert!(
        matches!(refused, DbError::FenceChanged { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn tenants_are_told_by_external_keys_too() {
    let database = Postgres::shared().database().unwrap();
    database
        .run("create table letter (owner uuid not null, id bigint not null, primary key (owner, id))")
        .unwrap();
    let admin: PgConnectOptions = database.url().parse().unwrap();
    let letters = tenancy_core::Manifest::new([
        tenancy_core::Table::tenant_uuid("letter", ["id"]).tenant_column("owner")
    ])
    .unwrap();
    let cell = TestCell::open(&admin, &letters, IsolationMode::Sealed)
        .await
        .unwrap();
    let external = |id: u32| format!("00000000-0000-4000-8000-00000000000{id}");
    let number = 0x4000_8000_0000_0000_0000;
    let one = cell.tenant_with(tenant(1), number + 1).await.unwrap();
    cell.tenant_with(tenant(2), number + 2).await.unwrap();
    let foreign = || Foreign::external(external(1), external(2));
    let insert = "insert into letter values (cast($1 as uuid), 1)";
    assert_rejected(&cell, &one, foreign(), insert).await;
    database
        .run("alter table letter disable row level security")
        .unwrap();
    let said = complaint(assert_rejected(&cell, &one, foreign(), insert)).await;
    assert!(said.contains("LEAK"), "{said}");
}

crate::db::also_plain! {
    rows_that_are_kept_apart_are_invisible,
    an_assertion_about_nothing_fails,
    what_everybody_sees_leaks,
    without_row_security_everything_leaks,
}
