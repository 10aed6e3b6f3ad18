//! The tables: what they hold, and how they say so.

use sqlx::{Acquire as _, PgConnection};

use super::{DirectoryError, unavailable};

/// The schema, which is also the name of the channel and of the connections.
pub(super) const SCHEMA: &str = "tenancy_directory";

/// The format this version writes.
const FORMAT: i32 = 1;

/// Two processes that open the first directory in a database at once make one: `TDIR`.
const LOCK: &str = "select pg_advisory_xact_lock(x'54444952'::bigint)";

/// As in the file of an SQLite directory, with these differences. `head` is one row, whose lock a writer holds, and
/// says where the log ends. A key of a request may contain what no text may, so it is bytes; what it asked for is
/// only compared, so a digest is enough. Names are compared byte by byte. Rows of tenants are never deleted, and
/// domains are written by nobody else: a foreign key would cost half of a load's time and find nothing.
const TABLES: &str = "
create schema tenancy_directory;
create table tenancy_directory.head (
    one boolean primary key default true check (one),
    format integer not null,
    id text not null,
    incarnation integer not null default 0 check (incarnation between 0 and 65535),
    newest bigint not null default 0,
    floor bigint not null default 0 check (floor <= newest)
);
insert into tenancy_directory.head (format, id) values (1, left(encode(sha256(
    uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 32));
create table tenancy_directory.cell (
    id bigint primary key,
    region text not null,
    capacity bigint not null,
    tenants bigint not null default 0 check (tenants >= 0)
);
create table tenancy_directory.tenant (
    id bigint primary key,
    request bytea unique,
    wanted bytea,
    slug text collate \"C\" unique,
    plan text not null,
    region text,
    placement bigint not null,
    revision bigint not null,
    created bigint not null
);
create table tenancy_directory.domain (
    name text collate \"C\" primary key,
    tenant bigint not null
);
create index domain_of_tenant on tenancy_directory.domain (tenant);
create table tenancy_directory.log (
    revision bigint primary key,
    kind smallint not null,
    tenant bigint not null,
    word bigint,
    name text,
    written timestamptz not null default clock_timestamp()
);
create index log_of_tenant on tenancy_directory.log (tenant);
create table tenancy_directory.forgotten (
    tenant bigint primary key,
    first bigint not null,
    last bigint not null
);
create index forgotten_until on tenancy_directory.forgotten (last);
";

/// Makes the tables where the schema is missing, and refuses what is no directory.
pub(super) async fn prepare(connection: &mut PgConnection) -> Result<(), DirectoryError> {
    let mut tx = connection.begin().await.map_err(unavailable)?;
    sqlx::query(LOCK)
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
    match found(&mut tx).await? {
        Some(FORMAT) => Ok(()),
        Some(found) => Err(DirectoryError::UnknownFormat {
            found: found.into(),
            known: FORMAT.into(),
        }),
        None => {
            sqlx::raw_sql(TABLES)
                .execute(&mut *tx)
                .await
                .map_err(unavailable)?;
            tx.commit().await.map_err(unavailable)
        }
    }
}

/// The format of the schema, 0 where it says none, `None` where there is no schema.
async fn found(tx: &mut PgConnection) -> Result<Option<i32>, DirectoryError> {
    let (schema, format): (bool, bool) = sqlx::query_as(
        "select exists (select from pg_namespace where nspname = $1),
                exists (select from pg_attribute
                        where attrelid = to_regclass($1 || '.head')
                          and attname = 'format' and atttypid = 'integer'::regtype)",
    )
    .bind(SCHEMA)
    .fetch_one(&mut *tx)
    .await
    .map_err(unavailable)?;
    if !(schema && format) {
        return Ok(schema.then_some(0));
    }
    let format: Option<i32> = sqlx::query_scalar("select format from tenancy_directory.head")
        .fetch_optional(tx)
        .await
        .map_err(unavailable)?;
    Ok(Some(format.unwrap_or_default()))
}
