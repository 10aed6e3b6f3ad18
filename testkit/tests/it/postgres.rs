//! A cluster of one's own.

use sqlx::{Connection as _, PgConnection};
use tenancy_testkit::{Database, Postgres};

async fn connect(database: &Database) -> PgConnection {
    let url = database.url();
    PgConnection::connect(&url)
        .await
        .unwrap_or_else(|error| panic!("{url}: {error}"))
}

async fn text(connection: &mut PgConnection, query: &'static str) -> String {
    sqlx::query_scalar(query)
        .fetch_one(connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_url_leads_to_the_database() {
    let database = Postgres::shared().database().unwrap();
    let mut connection = connect(&database).await;
    assert_eq!(
        text(&mut connection, "select current_database()::text").await,
        database.name
    );
    assert_eq!(
        text(&mut connection, "select current_user::text").await,
        database.user
    );
}

#[tokio::test]
async fn the_cluster_replicates_and_has_no_network() {
    let database = Postgres::shared().database().unwrap();
    let mut connection = connect(&database).await;
    assert_eq!(text(&mut connection, "show wal_level").await, "logical");
    assert_eq!(text(&mut connection, "show listen_addresses").await, "");
    assert_eq!(text(&mut connection, "show server_encoding").await, "UTF8");
}

#[tokio::test]
async fn databases_do_not_see_each_other() {
    let cluster = Postgres::shared();
    let (one, two) = (cluster.database().unwrap(), cluster.database().unwrap());
    let mut one = connect(&one).await;
    let mut two = connect(&two).await;
    sqlx::query("create table only_here (id bigint)")
        .execute(&mut one)
        .await
        .unwrap();
    let seen = "select count(*)::text from pg_tables where tablename = 'only_here'";
    assert_eq!(text(&mut one, seen).await, "1");
    assert_eq!(text(&mut two, seen).await, "0");
}

#[tokio::test]
async fn clusters_run_side_by_side() {
    let (one, two) = (Postgres::start().unwrap(), Postgres::start().unwrap());
    let one = one.database().unwrap();
    let two = two.database().unwrap();
    assert_ne!(one.socket_dir, two.socket_dir);
    connect(&two).await;
}
