//! A pooler of one's own.

use std::num::NonZeroU32;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _, PgConnection};
use tenancy_testkit::{Database, PgBouncer, Postgres};

use crate::client::text;

/// One connection to the server for all clients.
const ONE: NonZeroU32 = NonZeroU32::MIN;

const BACKEND: &str = "select pg_backend_pid()::text";

/// A client that names no prepared statements, as this pooler wants it.
async fn connect(database: &Database, role: &str) -> PgConnection {
    let options: PgConnectOptions = database.url_as(role).parse().unwrap();
    options.statement_cache_capacity(0).connect().await.unwrap()
}

#[tokio::test]
async fn clients_share_a_connection_and_find_each_others_settings() {
    let cluster = Postgres::start().unwrap();
    let pooler = PgBouncer::start(&cluster, ONE).unwrap();
    let direct = cluster.database().unwrap();
    direct.run("create role app login").unwrap();
    let pooled = pooler.database(&direct);

    let mut one = connect(&pooled, "app").await;
    let mut two = connect(&pooled, "app").await;
    assert_eq!(text(&mut one, BACKEND).await, text(&mut two, BACKEND).await);
    let asked = "select current_user || ' ' || current_database()";
    assert_eq!(
        text(&mut one, asked).await,
        format!("app {}", direct.name())
    );

    // This is what transaction mode is feared for: a setting of the session is everybody's.
    one.execute("set app.left_behind = 'by one'").await.unwrap();
    let found = "select current_setting('app.left_behind', true)";
    assert_eq!(text(&mut two, found).await, "by one");
}

#[tokio::test]
async fn a_transaction_keeps_its_connection_from_the_others() {
    let cluster = Postgres::start().unwrap();
    let pooler = PgBouncer::start(&cluster, NonZeroU32::new(2).unwrap()).unwrap();
    let pooled = pooler.database(&cluster.database().unwrap());
    let mut one = connect(&pooled, "postgres").await;
    let mut two = connect(&pooled, "postgres").await;
    one.execute("begin").await.unwrap();
    let backend = text(&mut one, BACKEND).await;
    assert_ne!(text(&mut two, BACKEND).await, backend);
    assert_eq!(text(&mut one, BACKEND).await, backend);
}
