//! A cluster of one's own.

use tenancy_testkit::Postgres;

use crate::client::{connect, connect_to, text};

#[tokio::test]
async fn the_url_leads_to_the_database() {
    let database = Postgres::shared().database().unwrap();
    let mut connection = connect(&database).await;
    assert_eq!(
        text(&mut connection, "select current_database()::text").await,
        database.name()
    );
    assert_eq!(
        text(&mut connection, "select current_user::text").await,
        "postgres"
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
    assert_ne!(one.address(), two.address());
    one.run("create table only_here ()").unwrap();
    let seen = "select count(*)::text from pg_tables where tablename = 'only_here'";
    assert_eq!(text(&mut connect(&one).await, seen).await, "1");
    assert_eq!(text(&mut connect(&two).await, seen).await, "0");
}

#[tokio::test]
async fn roles_with_passwords_connect_as_themselves() {
    let database = Postgres::shared().database().unwrap();
    database
        .run("create role shopkeeper login password 'told to nobody'")
        .unwrap();
    let mut connection = connect_to(&database.url_as("shopkeeper")).await;
    assert_eq!(
        text(&mut connection, "select current_user::text").await,
        "shopkeeper"
    );
}

#[test]
fn sql_is_run_until_its_first_error() {
    let database = Postgres::shared().database().unwrap();
    let rows = database
        .run("create table pots (id int, name text); insert into pots values (1, 'big'), (2, 'small');
            select * from pots order by id")
        .unwrap();
    assert_eq!(rows, "1|big\n2|small");
    let error = database
        .run("select nothing; insert into pots values (3, 'none')")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("column \"nothing\" does not exist"),
        "{error}"
    );
    assert_eq!(database.run("select count(*) from pots").unwrap(), "2");
}
