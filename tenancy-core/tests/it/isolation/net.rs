//! Tables that somebody makes by hand.

use tenancy_core::isolation::{Isolation, IsolationMode, Net, install};
use tenancy_core::{Manifest, Table};

use super::{
    SCHEMA, manifest,
    world::{Outcome, World, outcome, refused, run},
};

/// Ways to make a table with a tenant's column and a row of tenant 2's.
const HAND_MADE: [&str; 9] = [
    "create table loose (tenant_id bigint); insert into loose values (2)",
    "create table loose as select 2::bigint as tenant_id",
    "select 2::bigint as tenant_id into loose",
    "create table loose (id bigint); insert into loose values (2); alter table loose add tenant_id bigint",
    "create table loose (account uuid); insert into loose values (gen_random_uuid())",
    "create table loose (tenant_id bigint) partition by list (tenant_id);
     create table loose_2 partition of loose for values in (2); insert into loose values (2)",
    "create table loose (id bigint); insert into loose values (2);
     alter table loose rename id to tenant_id",
    "create table loose as values (2); alter table loose rename column1 to account",
    "create table above (id bigint); create table loose () inherits (above);
     insert into loose values (2); alter table above add tenant_id bigint",
];

const DROP: &str = "drop table loose; drop table if exists above";

#[tokio::test]
async fn a_table_made_by_hand_is_closed_until_it_is_declared() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let grant = format!("grant select on loose to {}", world.isolation.roles().app());
    let mut admin = world.admin().await;
    for make in HAND_MADE {
        run(&mut admin, &format!("{make}; {grant}")).await;
        let all = outcome(&mut admin, "select 1 from loose").await;
        assert_eq!(all, Outcome::Rows(1), "control: {make}");
        let seen = world.attempt(Some(2), "select 1 from loose").await;
        assert_eq!(seen, Outcome::Rows(0), "{make}");
        run(&mut admin, DROP).await;
    }
    // By its owner, who has no policy either.
    let mut owner = world.owner().await;
    run(&mut owner, "create table loose (tenant_id bigint)").await;
    let insert = outcome(&mut owner, "insert into loose values (2)").await;
    assert_eq!(insert, refused("42501"));
    run(&mut admin, DROP).await;
    // Without the net.
    run(&mut admin, "drop event trigger tenancy_net").await;
    for make in HAND_MADE {
        run(&mut admin, &format!("{make}; {grant}")).await;
        let seen = world.attempt(Some(1), "select 1 from loose").await;
        assert_eq!(seen, Outcome::Rows(1), "{make}");
        run(&mut admin, DROP).await;
    }
}

#[tokio::test]
async fn a_declared_table_and_one_without_a_tenant_are_left_alone() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let mut owner = world.owner().await;
    run(
        &mut owner,
        "create table other (id bigint); insert into other values (1)",
    )
    .await;
    assert_eq!(
        outcome(&mut owner, "select 1 from other").await,
        Outcome::Rows(1)
    );
    // A migration opens a table to itself for a while.
    run(
        &mut owner,
        "alter table product no force row level security",
    )
    .await;
    assert_eq!(
        outcome(&mut owner, "select 1 from product").await,
        Outcome::Rows(4)
    );
    let temporary = "create temp table mine (tenant_id bigint);
        set role none; select 1 from pg_class where oid = 'mine'::regclass and relrowsecurity";
    let closed = outcome(&mut world.admin().await, temporary).await;
    assert_eq!(closed, Outcome::Rows(0));
}

/// The net knows the declared names of tenants' columns, and no others.
#[tokio::test]
async fn a_table_whose_tenants_have_another_name_is_open_to_whoever_is_granted_it() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let mut admin = world.admin().await;
    let app = world.isolation.roles().app();
    for (column, seen) in [("tenant_id", 0), ("shop_id", 1)] {
        let make = format!(
            "create table loose ({column} bigint); insert into loose values (2);
             grant select on loose to {app}"
        );
        run(&mut admin, &make).await;
        let found = world.attempt(Some(1), "select 1 from loose").await;
        assert_eq!(found, Outcome::Rows(seen), "{column}");
        run(&mut admin, "drop table loose").await;
    }
}

#[tokio::test]
async fn a_table_made_with_its_schema_is_closed_too() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let app = world.isolation.roles().app();
    let make = format!(
        "create schema aside create table loose (tenant_id bigint);
         insert into aside.loose values (2); grant usage on schema aside to {app};
         grant select on aside.loose to {app}"
    );
    let mut admin = world.admin().await;
    let seen = "select 1 from aside.loose";
    run(&mut admin, &make).await;
    assert_eq!(outcome(&mut admin, seen).await, Outcome::Rows(1), "control");
    assert_eq!(world.attempt(Some(1), seen).await, Outcome::Rows(0));
    // Without the net.
    run(
        &mut admin,
        "drop event trigger tenancy_net; drop schema aside cascade",
    )
    .await;
    run(&mut admin, &make).await;
    assert_eq!(world.attempt(Some(1), seen).await, Outcome::Rows(1));
}

/// Neither can have row security.
#[tokio::test]
async fn a_foreign_table_and_a_materialized_view_are_given_to_nobody() {
    const HAND_MADE: [(&str, &str); 2] = [
        (
            "create foreign table loose (tenant_id bigint) server elsewhere",
            "drop foreign table loose",
        ),
        (
            "create materialized view loose as select 2::bigint as tenant_id",
            "drop materialized view loose",
        ),
    ];
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let app = world.isolation.roles().app();
    let mut admin = world.admin().await;
    let given = format!(
        "create foreign data wrapper elsewhere;
         create server elsewhere foreign data wrapper elsewhere;
         alter default privileges grant select on tables to {app}, public"
    );
    run(&mut admin, &given).await;
    let may = format!("select 1 where has_table_privilege('{app}', 'loose', 'select')");
    for (make, drop) in HAND_MADE {
        run(&mut admin, make).await;
        assert_eq!(outcome(&mut admin, &may).await, Outcome::Rows(0), "{make}");
        run(&mut admin, drop).await;
    }
    // Without the net.
    run(&mut admin, "drop event trigger tenancy_net").await;
    for (make, drop) in HAND_MADE {
        run(&mut admin, make).await;
        assert_eq!(outcome(&mut admin, &may).await, Outcome::Rows(1), "{make}");
        run(&mut admin, drop).await;
    }
}

#[tokio::test]
async fn a_declaration_opens_the_table_to_its_tenants() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let make =
        "create table coupon (tenant_id bigint not null, id bigint, primary key (tenant_id, id))";
    run(&mut world.owner().await, make).await;
    run(&mut world.mover().await, "select").await;
    let tables = manifest()
        .tables()
        .iter()
        .cloned()
        .chain([Table::tenant("coupon", ["id"])])
        .collect::<Vec<_>>();
    let declared = Manifest::new(tables).unwrap();
    let isolation = Isolation::new(
        &declared,
        world.isolation.roles().clone(),
        IsolationMode::Plain,
    );
    let mut admin = world.admin().await;
    run(
        &mut admin,
        "insert into coupon select tenant, 1 from generate_series(1, 2) tenant",
    )
    .await;
    assert_eq!(
        world.attempt(Some(1), "select 1 from coupon").await,
        refused("42501")
    );
    install(&mut admin, &isolation).await.unwrap();
    assert_eq!(
        world.attempt(Some(1), "select 1 from coupon").await,
        Outcome::Rows(1)
    );
}

#[tokio::test]
async fn without_a_net_nothing_of_it_is_there() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let mut admin = world.admin().await;
    let triggers = "select 1 from pg_event_trigger";
    assert_eq!(outcome(&mut admin, triggers).await, Outcome::Rows(1));
    let without = world.isolation.clone().with_net(Net::No);
    install(&mut admin, &without).await.unwrap();
    assert_eq!(outcome(&mut admin, triggers).await, Outcome::Rows(0));
}
