//! What an installation refuses, and leaves as it was.

use std::num::NonZeroU16;

use tenancy_core::{
    Manifest, Table,
    isolation::{
        InstallError, Isolation, IsolationMode, SealKey, install_key, install_with_key, retire_key,
    },
    types::{Problem as _, UnixMicros},
};

use crate::isolation::{
    SCHEMA, manifest,
    world::{Outcome, World, outcome, refused, run},
};

#[tokio::test]
async fn a_newer_cell_is_left_alone() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    for (part, found) in [("isolation", 3), ("fence", 3)] {
        let newer = format!("update tenancy.format set version = {found} where part = '{part}'");
        run(&mut world.admin().await, &newer).await;
        let error = world.try_install().await.unwrap_err();
        assert!(
            matches!(&error, InstallError::NewerVersion { part: p, found: f, .. } if **p == *part && *f == found),
            "{error:?}"
        );
        let script = world.isolation.to_string();
        assert_eq!(
            outcome(&mut world.admin().await, &script).await,
            refused("TN020")
        );
        let back = "update tenancy.format set version = version - 1 where part = $1";
        sqlx::query(back)
            .bind(part)
            .execute(&mut world.admin().await)
            .await
            .unwrap();
    }
    world.install().await;
}

#[tokio::test]
async fn tables_that_are_not_as_declared_are_named_and_nothing_is_changed() {
    let t = || Table::tenant("t", ["id"]);
    let two = NonZeroU16::new(2).unwrap();
    for (schema, table, expect) in [
        ("", t(), "there is no table public.t"),
        (
            "create view t as select 1::bigint as tenant_id, 1 as id",
            t(),
            "there is no table public.t",
        ),
        (
            "create table t (tenant_id bigint, id bigint, primary key (tenant_id, id))",
            t().schema("other"),
            "there is no table other.t",
        ),
        (
            "create table t (id bigint primary key)",
            t(),
            "table public.t has no column tenant_id",
        ),
        (
            "create table t (tenant_id bigint primary key)",
            t(),
            "table public.t has no column id",
        ),
        (
            "create table t (tenant_id integer, id bigint, primary key (tenant_id, id))",
            t(),
            "column tenant_id of table public.t is integer, declared as bigint",
        ),
        (
            "create table t (tenant_id bigint, id bigint, primary key (tenant_id, id))",
            Table::tenant_uuid("t", ["id"]),
            "column tenant_id of table public.t is bigint, declared as uuid",
        ),
        (
            "create table t (tenant_id bigint, id bigint primary key)",
            t(),
            "column tenant_id of table public.t takes null",
        ),
        (
            "create table t (tenant_id bigint not null, id bigint primary key)",
            t(),
            "the primary key of table public.t does not start with tenant_id",
        ),
        (
            "create table t (tenant_id bigint not null, id bigint)",
            t(),
            "the primary key of table public.t does not start with tenant_id",
        ),
        (
            "create table t (id bigint, tenant_id bigint, primary key (id, tenant_id))",
            t(),
            "the primary key of table public.t does not start with tenant_id",
        ),
        (
            "create table t (tenant_id bigint not null, id bigint primary key);
             create unique index on t (id, tenant_id); create index on t (tenant_id, id);
             create unique index on t (tenant_id, id) where id > 0; create unique index on t (tenant_id)",
            t().keeps_primary_key(),
            "table public.t has no unique key of tenant_id, id",
        ),
        (
            "create table t (tenant_id bigint not null, id bigint, unique (tenant_id, id))",
            t().keeps_primary_key(),
            "column id of table public.t takes null",
        ),
        (
            "create table t (tenant_id bigint not null, id bigint not null,
                unique (tenant_id, id) deferrable)",
            t().keeps_primary_key(),
            "table public.t has no unique key of tenant_id, id",
        ),
        (
            "create table t (tenant_id bigint, id bigint, no int, primary key (tenant_id, id, no))",
            t(),
            "table public.t has no unique key of tenant_id, id",
        ),
        (
            "create table t (tenant_id bigint, id bigint, primary key (tenant_id, id))",
            t().partitioned(two),
            "table public.t is not partitioned by hash of tenant_id",
        ),
        (
            "create table t (tenant_id bigint, id bigint, primary key (tenant_id, id)) partition by hash (id)",
            t().partitioned(two),
            "table public.t is not partitioned by hash of tenant_id",
        ),
    ] {
        let manifest = Manifest::new([table]).unwrap();
        let world = World::bare(schema, &manifest, IsolationMode::Plain).await;
        let error = world.try_install().await.unwrap_err();
        assert_eq!(error.to_string(), expect);
        assert_eq!(error.code().as_str(), "isolation_schema");
        assert_untouched(&world).await;
    }
}

async fn assert_untouched(world: &World) {
    let made = format!(
        "select 1 from pg_namespace where nspname = 'tenancy'
         union all select 1 from pg_roles where rolname like '{}\\_%'",
        world.isolation.roles().prefix()
    );
    assert_eq!(
        outcome(&mut world.admin().await, &made).await,
        Outcome::Rows(0)
    );
}

#[tokio::test]
async fn a_statement_that_fails_takes_everything_back() {
    let two = NonZeroU16::new(2).unwrap();
    let manifest = Manifest::new([Table::tenant("t", ["id"]).partitioned(two)]).unwrap();
    let schema = "create table t (tenant_id bigint, id bigint, primary key (tenant_id, id)) partition by hash (tenant_id);
        create table odd partition of t for values with (modulus 3, remainder 0)";
    let world = World::bare(schema, &manifest, IsolationMode::Plain).await;
    let error = world.try_install().await.unwrap_err();
    assert_eq!(error.to_string(), "install partition 0 of public.t");
    assert_eq!(error.code().as_str(), "isolation_refused");
    assert_untouched(&world).await;
}

/// A table that happens to have a partition's name stays its owner's.
#[tokio::test]
async fn a_table_that_is_called_as_a_partition_is_not_taken() {
    let two = NonZeroU16::new(2).unwrap();
    let manifest = Manifest::new([Table::tenant("t", ["id"]).partitioned(two)]).unwrap();
    let hashed = "create table t (tenant_id bigint, id bigint, primary key (tenant_id, id)) partition by hash (tenant_id)";
    let alone = "create table t_p1 (secret text)";
    let shifted = "create table t_p1 partition of t for values with (modulus 2, remainder 0)";
    let other = "create table u (like t including all) partition by hash (tenant_id);
        create table t_p1 partition of u for values with (modulus 2, remainder 1)";
    for (taken, found) in [(alone, "t_p1"), (shifted, ""), (other, "t_p1")] {
        let world = World::bare(
            &format!("{hashed}; {taken}"),
            &manifest,
            IsolationMode::Plain,
        )
        .await;
        let error = world.try_install().await.unwrap_err();
        let expect = match found {
            "" => "install partition 0 of public.t".to_owned(),
            name => format!(
                "in the place of the isolation's own there is a relation public.{name} that is not partition 1 of public.t"
            ),
        };
        assert_eq!(error.to_string(), expect, "{taken}");
        assert_untouched(&world).await;
    }
}

/// What somebody put there before is not read: a view runs its author's code with the administrator's rights.
#[tokio::test]
async fn what_is_not_its_own_is_refused_and_not_touched() {
    for (make, found) in [
        (
            "create schema tenancy; create table tenancy.format (part text primary key, version bigint)",
            "schema tenancy of postgres",
        ),
        (
            "create schema tenancy authorization $owner; create view tenancy.format as
                select note()::text as part, 1::bigint as version",
            "relation tenancy.format of postgres, of kind v",
        ),
        (
            "create schema tenancy authorization $owner; create table tenancy.fence ()",
            "relation tenancy.fence of postgres, of kind r",
        ),
        (
            "create schema tenancy authorization $owner; set role $owner; create table tenancy.fence ();
                create function tenancy.note() returns trigger language plpgsql as 'begin end';
                create trigger note before insert on tenancy.fence execute function tenancy.note()",
            "trigger note on tenancy.fence",
        ),
        (
            "create schema tenancy authorization $owner; set role $owner; create table tenancy.fence ();
                create rule note as on insert to tenancy.fence do also select note()",
            "rule note on tenancy.fence",
        ),
        (
            "create view tenancy_fence as select note() as tenant_id, '' as state, '' as lifecycle,
                1 as epoch, 1 as deadline",
            "relation public.tenancy_fence of postgres, of kind v",
        ),
    ] {
        let world = World::bare(SCHEMA, &manifest(), IsolationMode::Plain).await;
        let owner = world.isolation.roles().owner();
        let trap = format!(
            "create table noted (); create role {owner};
             create function note() returns bigint language plpgsql
                as 'begin insert into noted default values; return 1; end';
             grant insert on noted to public; {}",
            make.replace("$owner", &owner)
        );
        run(&mut world.admin().await, &trap).await;
        let error = world.try_install().await.unwrap_err();
        assert!(
            matches!(&error, InstallError::Strangers { found: f } if **f == *found),
            "{make}: {error:?}"
        );
        let script = outcome(&mut world.admin().await, &world.isolation.to_string()).await;
        assert_eq!(script, refused("TN021"), "{make}");
    }
    // Control: what would have been run.
    let world = World::bare(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let mut admin = world.admin().await;
    run(&mut admin, "create schema tenancy").await;
    assert!(world.try_install().await.is_err());
    run(&mut admin, "drop schema tenancy").await;
    world.install().await;
}

/// Seals are made with what a process knows by the id: another secret would refuse them all, and a retired key
/// lets in whoever has kept it.
#[tokio::test]
async fn a_known_key_is_neither_swapped_nor_revived() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Sealed).await;
    let mut admin = world.admin().await;
    let other = SealKey::new("first", [8; 32]).unwrap();
    let plain = Isolation::new(
        &manifest(),
        world.isolation.roles().clone(),
        IsolationMode::Plain,
    );
    for error in [
        install_key(&mut admin, &other).await.unwrap_err(),
        install_with_key(&mut admin, &plain, &other)
            .await
            .unwrap_err(),
    ] {
        assert!(
            matches!(&error, InstallError::KeyDiffers { id } if **id == *"first"),
            "{error:?}"
        );
        assert_eq!(error.code().as_str(), "isolation_key_taken");
    }
    assert_eq!(world.install().await.changes(), [], "it is sealed still");
    install_key(&mut admin, &world.key).await.unwrap();
    retire_key(&mut admin, "first", UnixMicros::new(1))
        .await
        .unwrap();
    let ended = install_key(&mut admin, &world.key).await.unwrap_err();
    assert!(matches!(ended, InstallError::KeyEnded { .. }), "{ended:?}");
    let valid = "select 1 from tenancy.seal_key where not_after is null";
    assert_eq!(outcome(&mut admin, valid).await, Outcome::Rows(0));
}

#[tokio::test]
async fn a_role_that_is_somebodys_is_not_taken() {
    for (made, taken) in [
        ("create role $_owner login", Some("owner")),
        ("create role $_app login createdb", Some("app")),
        (
            "create role $_app login; grant pg_read_all_data to $_app",
            Some("app"),
        ),
        ("create role $_mover login", Some("mover")),
        // What somebody has made for the cell.
        (
            "create role $_mover login bypassrls; create role $_search bypassrls",
            None,
        ),
    ] {
        let world = World::bare(SCHEMA, &manifest(), IsolationMode::Plain).await;
        let prefix = world.isolation.roles().prefix().to_owned();
        run(&mut world.admin().await, &made.replace('$', &prefix)).await;
        match (world.try_install().await, taken) {
            (Ok(_), None) => assert_eq!(world.install().await.changes(), []),
            (Err(error), Some(taken)) => {
                let expect = format!("there is a role {prefix}_{taken} of other rights");
                assert!(error.to_string().contains(&expect), "{error}");
                assert_eq!(error.code().as_str(), "isolation_strangers");
            }
            (found, _) => panic!("{made}: {found:?}"),
        }
    }
}
