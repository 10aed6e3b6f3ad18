//! Behind PgBouncer in transaction mode, with one connection for everybody: what a transaction leaves behind,
//! the next client would find.

use std::num::NonZeroU32;

use sqlx::{Connection as _, PgConnection, Row as _, postgres::PgConnectOptions};
use tenancy_core::{
    db::{CellDb, DbError, PostgresCell, Statements},
    isolation::{Isolation, IsolationMode, Roles, SealKey, audit, install, install_key},
};
use tenancy_testkit::{Database, PgBouncer, Postgres};

use super::{
    MODE, SCHEMA, create, given_up::given_up, manifest, options, reader, stock, until, writer,
};

const INSERT: &str = "insert into mark values (1)";
const STATE: &str = "select pg_backend_pid(), coalesce(current_setting('app.tenant_id', true), ''),
    (select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'),
    (select count(*) from product)";

/// A cell whose application goes through the pooler, and beside it another client of the pooler with
/// the same role, which knows nothing of tenants.
struct Pooled {
    cell: PostgresCell,
    bystander: PgConnection,
    plain: PgConnection,
    address: Address,
    _pooler: PgBouncer,
}

/// Where the cell is: its application through the pooler, its mover directly.
struct Address {
    app: PgConnectOptions,
    mover: PgConnectOptions,
    isolation: Isolation,
}

impl Address {
    async fn opened(&self, statements: Statements) -> PostgresCell {
        let key = (self.isolation.mode() == IsolationMode::Sealed).then(key);
        let receipt = audit::boot(self.app.clone(), &self.isolation, key)
            .await
            .unwrap();
        PostgresCell::open(
            receipt,
            self.mover.clone(),
            options(4).statements(statements),
        )
        .await
        .unwrap()
    }
}

fn key() -> SealKey {
    SealKey::new("first", [7; 32]).unwrap()
}

/// What a client finds on the connection that it gets: the server's process, a tenant, locks, products.
type Found = (i32, String, i64, i64);

impl Pooled {
    async fn new() -> Self {
        Self::remembering(Statements::Unnamed).await
    }

    async fn remembering(statements: Statements) -> Self {
        let database: Database = Postgres::shared().database().unwrap();
        let mut plain = PgConnection::connect(&database.url()).await.unwrap();
        sqlx::raw_sql(SCHEMA).execute(&mut plain).await.unwrap();
        let roles = Roles::named(database.name()).unwrap();
        let isolation = Isolation::new(&manifest(), roles, MODE.get());
        install(&mut plain, &isolation).await.unwrap();
        install_key(&mut plain, &key()).await.unwrap();
        let pooler = PgBouncer::start(Postgres::shared(), NonZeroU32::MIN).unwrap();
        let app: PgConnectOptions = pooler
            .database(&database)
            .url_as(&isolation.roles().app())
            .parse()
            .unwrap();
        let app = app.statement_cache_capacity(0);
        let mover = database.url_as(&isolation.roles().mover()).parse().unwrap();
        let address = Address {
            app,
            mover,
            isolation,
        };
        let cell = address.opened(statements).await;
        let any = CellDb::Postgres(cell.clone());
        for id in 1..=2 {
            create(&any, id).await;
            stock(&any, id, "Mug").await;
        }
        Self {
            cell,
            bystander: PgConnection::connect_with(&address.app).await.unwrap(),
            plain,
            address,
            _pooler: pooler,
        }
    }

    /// What a client without a tenant finds.
    async fn found(&mut self) -> Found {
        let row = sqlx::query(STATE)
            .persistent(false)
            .fetch_one(&mut self.bystander)
            .await
            .unwrap();
        (row.get(0), row.get(1), row.get(2), row.get(3))
    }

    /// The server's process in which a transaction of tenant 1 runs, and what it inserts.
    async fn committed(&self) -> i32 {
        let mut tx = self.cell.begin(&writer(1));
        let pid = sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(&mut tx)
            .await
            .unwrap();
        let seen: i64 = sqlx::query_scalar("select count(*) from product")
            .fetch_one(&mut tx)
            .await
            .unwrap();
        assert_eq!(seen, 1, "its own, and not the other tenant's");
        tx.commit().await.unwrap();
        pid
    }
}

#[tokio::test]
async fn the_next_client_of_the_same_server_process_finds_nothing() {
    let mut pooled = Pooled::new().await;
    let all: i64 = sqlx::query_scalar("select count(*) from product")
        .fetch_one(&mut pooled.plain)
        .await
        .unwrap();
    assert_eq!(all, 2, "control: both tenants have one");
    let pid = pooled.committed().await;
    assert_eq!(pooled.found().await, (pid, String::new(), 0, 0));
    // Rolled back, refused, and dropped in the middle.
    let mut tx = pooled.cell.begin(&writer(1));
    sqlx::query(INSERT).execute(&mut tx).await.unwrap();
    tx.rollback().await;
    assert_eq!(pooled.found().await, (pid, String::new(), 0, 0));
    let mut tx = pooled.cell.begin(&writer(1));
    let foreign = "insert into mark values (2)";
    let refused = sqlx::query(foreign).execute(&mut tx).await.unwrap_err();
    let refused = DbError::from_sqlx(refused);
    assert!(matches!(refused, DbError::ForeignRow { .. }), "{refused:?}");
    tx.rollback().await;
    assert_eq!(pooled.found().await, (pid, String::new(), 0, 0));
    for polls in 1..=3 {
        let mut tx = pooled.cell.begin(&writer(1));
        let done = given_up(sqlx::query(INSERT).execute(&mut tx), polls).await;
        assert!(done.is_none_or(|done| done.is_ok()));
        drop(tx);
        // The pooler ends the server's process whose client hung up in a transaction.
        let (_, tenant, locks, products) = pooled.found().await;
        assert_eq!((&*tenant, locks, products), ("", 0, 0));
    }
    until(
        &mut pooled.plain,
        "select count(*) = 0 from mark cross join pg_sleep(0.01)",
    )
    .await;
}

/// The pooler gives messages of one connection to sessions that do not know the guard by its name, or know it from
/// another connection. Who is told so spells it out from then on, and its caller notices nothing.
#[tokio::test]
async fn a_name_that_the_pooler_does_not_carry_along_is_spelled_out() {
    let mut pooled = Pooled::remembering(Statements::Named).await;
    for state in [
        "known from the cell's first transactions",
        "lost",
        "lost again",
    ] {
        let mut tx = pooled.cell.begin(&reader(1));
        let seen: i64 = sqlx::query_scalar("select count(*) from product")
            .persistent(false)
            .fetch_one(&mut tx)
            .await
            .unwrap_or_else(|error| panic!("{state}: {error:?}"));
        assert_eq!(seen, 1, "its own, and not the other tenant's");
        tx.commit().await.unwrap();
        let forget = "deallocate all";
        sqlx::raw_sql(forget)
            .execute(&mut pooled.bystander)
            .await
            .unwrap();
    }
    // The session knows it from this cell, and from no connection of another one.
    let other = pooled.address.opened(Statements::Named).await;
    let mut tx = other.begin(&reader(2));
    let seen: i64 = sqlx::query_scalar("select count(*) from product")
        .persistent(false)
        .fetch_one(&mut tx)
        .await
        .unwrap();
    assert_eq!(seen, 1);
}

/// Control: one that sets its tenant for the session, as many do without a pooler, leaves it to the next
/// client, who never set any.
#[tokio::test]
async fn a_tenant_that_is_set_for_the_session_leaks() {
    let mut pooled = Pooled::new().await;
    let (before, _, _, products) = pooled.found().await;
    assert_eq!(products, 0, "both tenants have one");
    let mut careless = PgConnection::connect_with(&pooled.address.app)
        .await
        .unwrap();
    sqlx::raw_sql("set app.tenant_id = '1'; set app.whose = 'the careless one''s'")
        .execute(&mut careless)
        .await
        .unwrap();
    let (pid, whose, tenant): (i32, String, String) = sqlx::query_as(
        "select pg_backend_pid(), current_setting('app.whose', true), current_setting('app.tenant_id', true)",
    )
    .persistent(false)
    .fetch_one(&mut pooled.bystander)
    .await
    .unwrap();
    assert_eq!(
        (pid, &*whose, &*tenant),
        (before, "the careless one's", "1")
    );
    // Nobody but a seal makes it a tenant in a sealed cell.
    let foreign: Result<Vec<i64>, _> = sqlx::query_scalar("select tenant_id from product")
        .persistent(false)
        .fetch_all(&mut pooled.bystander)
        .await;
    match MODE.get() {
        IsolationMode::Plain => assert_eq!(foreign.unwrap(), [1]),
        IsolationMode::Sealed => {
            let refused = foreign.unwrap_err();
            let said = refused.as_database_error().unwrap();
            assert_eq!(said.code().as_deref(), Some("TN001"));
        }
    }
}

crate::db::also_plain! {
    the_next_client_of_the_same_server_process_finds_nothing,
    a_name_that_the_pooler_does_not_carry_along_is_spelled_out,
    a_tenant_that_is_set_for_the_session_leaks,
}
