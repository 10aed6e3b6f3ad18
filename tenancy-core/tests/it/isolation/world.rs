//! A cell in a database of its own, isolated, and connections as each of its roles.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, postgres::PgRow};
use tenancy_core::{
    Manifest,
    isolation::{
        InstallError, Installed, Isolation, IsolationMode, Roles, SealAccess, SealClaim, SealKey,
        audit, install, install_key,
    },
    types::{Epoch, TenantId, UnixMicros},
};
use tenancy_testkit::{Database, Postgres};

pub(crate) const MODES: [IsolationMode; 2] = [IsolationMode::Plain, IsolationMode::Sealed];

/// In the year 2100.
pub(crate) const NEVER: UnixMicros = UnixMicros::new(4_102_444_800_000_000);

/// Each world's roles are named for its database: roles belong to the cluster, which the tests share.
pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) isolation: Isolation,
    pub(crate) key: SealKey,
}

/// An answer of the guard: entered, state, lifecycle, epoch, deadline.
pub(crate) type Entered = (bool, String, String, i64, i64);

/// What a statement came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// So many rows.
    Rows(usize),
    /// An error of this code.
    Refused(String),
}

pub(crate) fn refused(code: &str) -> Outcome {
    Outcome::Refused(code.into())
}

impl World {
    /// A cell with these tables that is not isolated yet.
    pub(crate) async fn bare(schema: &str, manifest: &Manifest, mode: IsolationMode) -> Self {
        let database = Postgres::shared().database().unwrap();
        let roles = Roles::named(database.name()).unwrap();
        let world = Self {
            database,
            isolation: Isolation::new(manifest, roles, mode),
            key: SealKey::new("first", [7; 32]).unwrap(),
        };
        run(&mut world.admin().await, schema).await;
        world
    }

    /// An isolated cell with these tables. Tenants 1 to 3 have fences at epoch 0.1; nobody has rows but by
    /// the schema.
    pub(crate) async fn new(schema: &str, manifest: &Manifest, mode: IsolationMode) -> Self {
        let world = Self::bare(schema, manifest, mode).await;
        world.install().await;
        install_key(&mut world.admin().await, &world.key)
            .await
            .unwrap();
        run(
            &mut world.mover().await,
            "insert into tenancy.fence select id, ('00000000-0000-4000-8000-00000000000' || id)::uuid,
                'active', 'active', 1, 0 from generate_series(1, 3) id",
        )
        .await;
        world
    }

    /// Installs again: what was changed meanwhile is healed.
    pub(crate) async fn install(&self) -> Installed {
        self.try_install().await.unwrap()
    }

    pub(crate) async fn try_install(&self) -> Result<Installed, InstallError> {
        install(&mut self.admin().await, &self.isolation).await
    }

    /// A superuser.
    pub(crate) async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.database.url()).await.unwrap()
    }

    pub(crate) async fn app(&self) -> PgConnection {
        self.connect(&self.isolation.roles().app()).await
    }

    pub(crate) async fn mover(&self) -> PgConnection {
        self.connect(&self.isolation.roles().mover()).await
    }

    /// The owner does not log in: an administrator acts as it.
    pub(crate) async fn owner(&self) -> PgConnection {
        let mut admin = self.admin().await;
        let owner = self.isolation.roles().owner();
        run(&mut admin, &format!("set role {owner}")).await;
        admin
    }

    /// Makes the role that tries out what the application can do.
    pub(crate) async fn make_prober(&self) {
        let mut admin = self.admin().await;
        for statement in audit::prober(&self.isolation) {
            run(&mut admin, statement.sql()).await;
        }
    }

    pub(crate) async fn connect(&self, role: &str) -> PgConnection {
        PgConnection::connect(&self.database.url_as(role))
            .await
            .unwrap()
    }

    /// The last argument of the guard, at epoch 0.1.
    fn seal(&self, key: &SealKey, tenant: u32, access: SealAccess) -> String {
        match self.isolation.mode() {
            IsolationMode::Plain => "null".into(),
            IsolationMode::Sealed => {
                let seal = key.seal(&SealClaim {
                    tenant: TenantId::new(tenant).unwrap(),
                    epoch: Epoch::FIRST,
                    access,
                    expires: NEVER,
                });
                format!("'{seal}'")
            }
        }
    }

    /// The call of the guard.
    pub(crate) fn enter(&self, tenant: u32, access: SealAccess) -> String {
        self.enter_with(&self.key, tenant, access)
    }

    /// The call of the guard with a seal of another key.
    pub(crate) fn enter_with(&self, key: &SealKey, tenant: u32, access: SealAccess) -> String {
        let writes = access == SealAccess::Write;
        let seal = self.seal(key, tenant, access);
        format!("select tenancy.enter({tenant}, 1, {writes}, 5000, {seal})")
    }

    /// Begins a transaction that may write, in one message.
    pub(crate) async fn write(&self, connection: &mut PgConnection, tenant: u32) {
        let begin = format!("begin; {}", self.enter(tenant, SealAccess::Write));
        let found = answer(&rows(connection, &begin).await.unwrap());
        let (entered, ..) = found.expect("the cell has a fence of the tenant");
        assert!(entered, "tenant {tenant} has no other transaction here");
    }

    /// Begins a transaction that only reads, in one message.
    pub(crate) async fn read(&self, connection: &mut PgConnection, tenant: u32) {
        let enter = self.enter(tenant, SealAccess::Read);
        let begin = format!("begin isolation level repeatable read read only; {enter}");
        assert!(answer(&rows(connection, &begin).await.unwrap()).is_some());
    }

    /// What a statement comes to in a transaction of the tenant's, or in none. Nothing of it stays.
    pub(crate) async fn attempt(&self, tenant: Option<u32>, sql: &str) -> Outcome {
        let mut app = self.app().await;
        match tenant {
            Some(tenant) => self.write(&mut app, tenant).await,
            None => run(&mut app, "begin").await,
        }
        outcome(&mut app, sql).await
    }
}

/// What the guard said; the first rows may be of other statements of the message.
#[track_caller]
pub(crate) fn answer(rows: &[PgRow]) -> Option<Entered> {
    let row = rows.last().expect("the guard answers with one row");
    let text: Option<String> = row.try_get(0).expect("the guard answers with a text");
    let text = text?;
    let words: Vec<&str> = text.split(' ').collect();
    let [entered, state, lifecycle, epoch, deadline, ..] = words[..] else {
        panic!("the guard answers with five words at least, not {text}");
    };
    let number = |word: &str| word.parse().expect("the guard writes a number");
    Some((
        entered == "t",
        state.into(),
        lifecycle.into(),
        number(epoch),
        number(deadline),
    ))
}

pub(crate) async fn run(connection: &mut PgConnection, sql: &str) {
    if let Err(error) = rows(connection, sql).await {
        panic!("{error}: {sql}");
    }
}

/// One message.
pub(crate) async fn rows(
    connection: &mut PgConnection,
    sql: &str,
) -> Result<Vec<PgRow>, sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await
}

pub(crate) async fn outcome(connection: &mut PgConnection, sql: &str) -> Outcome {
    match rows(connection, sql).await {
        Ok(rows) => Outcome::Rows(rows.len()),
        Err(error) => Outcome::Refused(code(&error)),
    }
}

/// The `SQLSTATE` of an error.
#[track_caller]
pub(crate) fn code(error: &sqlx::Error) -> String {
    let error = error.as_database_error().expect("the server's own error");
    error.code().expect("errors of Postgres have one").into()
}
