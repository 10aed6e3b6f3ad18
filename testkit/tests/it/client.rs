//! A client of Postgres, as the other crates have it.

use sqlx::{Connection as _, PgConnection};
use tenancy_testkit::Database;

pub(crate) async fn connect(database: &Database) -> PgConnection {
    connect_to(&database.url()).await
}

pub(crate) async fn connect_to(url: &str) -> PgConnection {
    PgConnection::connect(url)
        .await
        .unwrap_or_else(|error| panic!("{url}: {error}"))
}

pub(crate) async fn text(connection: &mut PgConnection, query: &'static str) -> String {
    sqlx::query_scalar(query)
        .persistent(false)
        .fetch_one(connection)
        .await
        .unwrap()
}
