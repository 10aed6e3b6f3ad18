//! A database is prepared once and copied for each test.

use tenancy_testkit::{Postgres, Template};

const COUNT: &str = "select count(*) from pots";

fn prepare(cluster: &Postgres) -> Template {
    let prepared = cluster.database().unwrap();
    prepared
        .run("create table pots (id int); insert into pots select generate_series(1, 1000)")
        .unwrap();
    cluster.template(prepared).unwrap()
}

#[test]
fn each_copy_starts_from_the_same_rows() {
    let cluster = Postgres::shared();
    let template = prepare(cluster);
    let one = cluster.database_from(&template).unwrap();
    one.run("delete from pots").unwrap();
    assert_eq!(one.run(COUNT).unwrap(), "0");
    let two = cluster.database_from(&template).unwrap();
    assert_eq!(two.run(COUNT).unwrap(), "1000");
}

#[test]
fn a_template_is_closed_but_its_copies_are_open() {
    let cluster = Postgres::shared();
    let prepared = cluster.database().unwrap();
    let way_in = prepared.clone();
    let template = cluster.template(prepared).unwrap();
    let error = way_in.run("select 1").unwrap_err().to_string();
    assert!(
        error.contains("not currently accepting connections"),
        "{error}"
    );
    let copy = cluster.database_from(&template).unwrap();
    assert_eq!(copy.run("select 1").unwrap(), "1");
}

#[tokio::test]
async fn whoever_is_connected_to_a_template_is_sent_away() {
    let cluster = Postgres::shared();
    let prepared = cluster.database().unwrap();
    let _left_open = crate::client::connect(&prepared).await;
    let template = cluster.template(prepared).unwrap();
    cluster.database_from(&template).unwrap();
}

#[test]
fn each_cluster_has_its_own_templates() {
    let (one, two) = (Postgres::start().unwrap(), Postgres::start().unwrap());
    let template = prepare(&one);
    assert_eq!(
        one.database_from(&template).unwrap().run(COUNT).unwrap(),
        "1000"
    );
    let error = two.database_from(&template).unwrap_err().to_string();
    assert!(error.contains("does not exist"), "{error}");
}
