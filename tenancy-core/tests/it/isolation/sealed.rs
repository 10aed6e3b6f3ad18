//! Seals: what is taken and what is not, and what plain mode lets through.

use proptest::prelude::*;
use sqlx::PgConnection;
use tenancy_core::{
    isolation::{IsolationMode, SealAccess, SealClaim, SealKey, install_key, retire_key},
    types::{Epoch, TenantId, UnixMicros},
};

use super::{
    SCHEMA, manifest,
    world::{NEVER, Outcome, World, outcome, refused, rows, run},
};

const ALL_OF_TWO: &str = "select 1 from product where tenant_id = 2";

fn claim(tenant: u32) -> SealClaim {
    SealClaim {
        tenant: TenantId::new(tenant).unwrap(),
        epoch: Epoch::FIRST,
        access: SealAccess::Write,
        expires: NEVER,
    }
}

fn any_claim() -> impl Strategy<Value = SealClaim> {
    let parts = (
        1_u32..,
        any::<u16>(),
        any::<u32>(),
        any::<bool>(),
        0..1_i64 << 60,
    );
    parts.prop_map(|(tenant, incarnation, seq, writes, expires)| SealClaim {
        tenant: TenantId::new(tenant).unwrap(),
        epoch: Epoch::new(incarnation, seq),
        access: if writes {
            SealAccess::Write
        } else {
            SealAccess::Read
        },
        expires: UnixMicros::new(expires),
    })
}

proptest! {
    /// Two claims have one seal only where they are one claim, to the second; and a seal stands in a statement's
    /// text as it is.
    #[test]
    fn a_seal_tells_its_claim(one in any_claim(), two in any_claim(), id in "[a-z0-9-]{1,32}") {
        let key = SealKey::new(&id, [7; 32]).unwrap();
        let whole = |claim: SealClaim| SealClaim {
            expires: UnixMicros::new(claim.expires.get() / 1_000_000),
            ..claim
        };
        let (seal_one, seal_two) = (key.seal(&one), key.seal(&two));
        prop_assert_eq!(whole(one) == whole(two), seal_one == seal_two);
        prop_assert_eq!(&seal_one, &key.seal(&one));
        prop_assert!(seal_one.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b":-".contains(&b)));
        let (claim, mac) = seal_one.rsplit_once(':').unwrap();
        prop_assert_eq!(mac.len(), 64);
        prop_assert_eq!(claim.split(':').count(), 6);
    }
}

async fn sealed() -> World {
    World::new(SCHEMA, &manifest(), IsolationMode::Sealed).await
}

/// What an entry comes to as tenant 2, at epoch 1, for writing, with this seal.
async fn enter(app: &mut PgConnection, seal: &str) -> Outcome {
    let sql = format!("begin; select tenancy.enter(2, 1, true, 5000, '{seal}')");
    let entered = outcome(app, &sql).await;
    run(app, "rollback").await;
    entered
}

#[tokio::test]
async fn a_seal_is_taken_for_exactly_what_it_was_made_for() {
    let world = sealed().await;
    let mut app = world.app().await;
    let key = &world.key;
    let good = key.seal(&claim(2));
    assert_eq!(enter(&mut app, &good).await, Outcome::Rows(1), "control");
    let other_key = SealKey::new("first", [8; 32]).unwrap();
    let unknown = SealKey::new("second", [7; 32]).unwrap();
    let read = SealAccess::Read;
    let cut = &good[..good.len() - 1];
    for (what, seal) in [
        ("another tenant", key.seal(&claim(1))),
        (
            "another epoch",
            key.seal(&SealClaim {
                epoch: Epoch::new(0, 2),
                ..claim(2)
            }),
        ),
        (
            "for reading",
            key.seal(&SealClaim {
                access: read,
                ..claim(2)
            }),
        ),
        ("another key of this id", other_key.seal(&claim(2))),
        ("an unknown id", unknown.seal(&claim(2))),
        ("cut off", cut.to_owned()),
        ("longer", format!("{good}0")),
        ("another version", good.replacen("v1", "v2", 1)),
        (
            "a later end",
            good.replacen(":4102444800:", ":4102444801:", 1),
        ),
        ("no seal", String::new()),
        ("no text of ours", "x".to_owned()),
        ("no number", "v1:first:2:1:w:never:00".to_owned()),
    ] {
        assert_eq!(
            enter(&mut app, &seal).await,
            refused("TN001"),
            "{what}: {seal}"
        );
    }
    let none = "begin; select tenancy.enter(2, 1, true, 5000, null)";
    assert_eq!(outcome(&mut app, none).await, refused("TN001"));
    run(&mut app, "rollback").await;
    let past = SealClaim {
        expires: UnixMicros::new(1_700_000_000_000_000),
        ..claim(2)
    };
    assert_eq!(enter(&mut app, &key.seal(&past)).await, refused("TN002"));
}

#[tokio::test]
async fn a_key_is_changed_with_an_overlap_and_ends() {
    let world = sealed().await;
    let (mut admin, mut app) = (world.admin().await, world.app().await);
    let new = SealKey::new("second", [9; 32]).unwrap();
    assert_eq!(
        enter(&mut app, &new.seal(&claim(2))).await,
        refused("TN001")
    );
    install_key(&mut admin, &new).await.unwrap();
    retire_key(&mut admin, "first", NEVER).await.unwrap();
    for key in [&world.key, &new] {
        assert_eq!(
            enter(&mut app, &key.seal(&claim(2))).await,
            Outcome::Rows(1)
        );
    }
    retire_key(&mut admin, "first", UnixMicros::new(1_700_000_000_000_000))
        .await
        .unwrap();
    assert_eq!(
        enter(&mut app, &world.key.seal(&claim(2))).await,
        refused("TN001")
    );
    assert_eq!(
        enter(&mut app, &new.seal(&claim(2))).await,
        Outcome::Rows(1)
    );
}

/// A seal that was read somewhere (`pg_stat_activity` shows the statements of one's own role) is valid, and is
/// of no use to a statement inside another tenant's transaction.
#[tokio::test]
async fn a_seal_seen_elsewhere_does_not_change_the_tenant() {
    let world = sealed().await;
    let mut app = world.app().await;
    let seen = world.enter(2, SealAccess::Write);
    let first = format!("begin; {seen}");
    assert_eq!(
        outcome(&mut app, &first).await,
        Outcome::Rows(1),
        "control: it is valid"
    );
    run(&mut app, "rollback").await;
    world.write(&mut app, 1).await;
    assert_eq!(outcome(&mut app, &seen).await, refused("TN003"));
    run(&mut app, "rollback").await;
    // Without this guard.
    let function = "select pg_get_functiondef('tenancy.enter(bigint,bigint,boolean,bigint,text)'::regprocedure)";
    let mut admin = world.admin().await;
    let source: String = sqlx::query_scalar(function)
        .fetch_one(&mut admin)
        .await
        .unwrap();
    let without = source.replace(
        "pg_catalog.statement_timestamp() OPERATOR(pg_catalog.<>) pg_catalog.transaction_timestamp()",
        "false",
    );
    assert_ne!(source, without);
    run(&mut admin, &without).await;
    world.write(&mut app, 1).await;
    assert_eq!(outcome(&mut app, &seen).await, Outcome::Rows(1));
    assert_eq!(
        outcome(&mut app, ALL_OF_TWO).await,
        Outcome::Rows(2),
        "the seal was used again"
    );
}

/// The setting of a transaction, as it is and as others could write it.
async fn setting(app: &mut PgConnection) -> String {
    sqlx::query_scalar("select current_setting('app.tenant_id')")
        .fetch_one(app)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_injected_set_config_switches_the_tenant_in_plain_mode_only() {
    let inject = "select set_config('app.tenant_id', '2', true)";
    let plain = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let mut app = plain.app().await;
    plain.write(&mut app, 1).await;
    assert_eq!(outcome(&mut app, ALL_OF_TWO).await, Outcome::Rows(0));
    run(&mut app, inject).await;
    assert_eq!(
        outcome(&mut app, ALL_OF_TWO).await,
        Outcome::Rows(2),
        "plain mode"
    );

    let world = sealed().await;
    let mut app = world.app().await;
    world.write(&mut app, 1).await;
    run(&mut app, inject).await;
    assert_eq!(outcome(&mut app, ALL_OF_TWO).await, refused("TN001"));
}

#[tokio::test]
async fn a_setting_is_worth_nothing_in_another_transaction() {
    let world = sealed().await;
    let (mut two, mut app) = (world.app().await, world.app().await);
    world.write(&mut two, 2).await;
    let of_two = setting(&mut two).await;
    let set = |value: &str| format!("select set_config('app.tenant_id', '{value}', true)");
    // Control: set anew where it was made, it is taken.
    run(&mut two, &set(&of_two)).await;
    assert_eq!(outcome(&mut two, ALL_OF_TWO).await, Outcome::Rows(2));

    // In another connection's transaction, beside it.
    world.write(&mut app, 1).await;
    let of_one = setting(&mut app).await;
    run(&mut app, &set(&of_two)).await;
    assert_eq!(outcome(&mut app, ALL_OF_TWO).await, refused("TN001"));
    run(&mut app, "rollback").await;
    // In the next transaction of the same connection.
    run(&mut two, "commit").await;
    world.write(&mut two, 1).await;
    run(&mut two, &set(&of_two)).await;
    assert_eq!(outcome(&mut two, ALL_OF_TWO).await, refused("TN001"));
    run(&mut two, "rollback").await;
    // Kept by the session.
    run(
        &mut two,
        &format!("select set_config('app.tenant_id', '{of_two}', false)"),
    )
    .await;
    assert_eq!(outcome(&mut two, ALL_OF_TWO).await, refused("TN001"));
    // With another number before its own code, in its own transaction.
    world.write(&mut app, 1).await;
    let of_one_now = setting(&mut app).await;
    assert_ne!(of_one, of_one_now);
    let (_, mac) = of_one_now.split_once('.').unwrap();
    for forged in [
        format!("2.{mac}"),
        format!("1.{mac}0"),
        "1.".to_owned(),
        "1".to_owned(),
        format!("1.{mac}."),
    ] {
        run(&mut app, "savepoint s").await;
        run(&mut app, &set(&forged)).await;
        assert_eq!(
            outcome(&mut app, ALL_OF_TWO).await,
            refused("TN001"),
            "{forged}"
        );
        run(&mut app, "rollback to s").await;
    }
    assert_eq!(
        outcome(&mut app, "select 1 from product").await,
        Outcome::Rows(2)
    );
}

/// What a program of its own sets for its session, behind a pooler, the next client finds.
#[tokio::test]
async fn a_tenant_kept_by_a_session_is_the_next_clients_in_plain_mode_only() {
    let keep = "select set_config('app.tenant_id', '2', false)";
    for (mode, next) in [
        (IsolationMode::Plain, Outcome::Rows(2)),
        (IsolationMode::Sealed, refused("TN001")),
    ] {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let mut session = world.app().await;
        assert_eq!(
            outcome(&mut session, ALL_OF_TWO).await,
            Outcome::Rows(0),
            "control: without a tenant"
        );
        run(&mut session, keep).await;
        assert_eq!(outcome(&mut session, ALL_OF_TWO).await, next, "{mode:?}");
        // A transaction of this crate's sets its own.
        world.write(&mut session, 1).await;
        assert_eq!(outcome(&mut session, ALL_OF_TWO).await, Outcome::Rows(0));
        run(&mut session, "commit").await;
        assert_eq!(outcome(&mut session, ALL_OF_TWO).await, next, "{mode:?}");
    }
}

/// A program that does not seal yet is refused by a sealed cell; one that seals is served by a plain one, so
/// that programs are rolled out before the cell is sealed.
#[tokio::test]
async fn a_cell_becomes_sealed_and_plain_again() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let mut app = world.app().await;
    let with_seal = world.key.seal(&claim(2));
    assert_eq!(enter(&mut app, &with_seal).await, Outcome::Rows(1));
    let sealed = tenancy_core::isolation::Isolation::new(
        &manifest(),
        world.isolation.roles().clone(),
        IsolationMode::Sealed,
    );
    let mut admin = world.admin().await;
    let installed = tenancy_core::isolation::install(&mut admin, &sealed)
        .await
        .unwrap();
    let changed = installed.changes().iter().any(|change| {
        change
            .to_string()
            .starts_with("dropped policy tenancy_rows_")
    });
    assert!(changed, "{installed:?}");
    assert_eq!(enter(&mut app, &with_seal).await, Outcome::Rows(1));
    let without = "begin; select tenancy.enter(2, 1, true, 5000, null)";
    assert_eq!(outcome(&mut app, without).await, refused("TN001"));
    run(&mut app, "rollback").await;
    world.install().await;
    assert_eq!(rows(&mut app, without).await.unwrap().len(), 1);
}

#[tokio::test]
async fn keys_are_out_of_reach() {
    let world = sealed().await;
    let roles = world.isolation.roles();
    for role in [roles.app(), roles.mover(), roles.auditor()] {
        let mut connection = world.connect(&role).await;
        for table in ["seal_key", "transaction_key"] {
            let sql = format!("select * from tenancy.{table}");
            assert_eq!(
                outcome(&mut connection, &sql).await,
                refused("42501"),
                "{role}: {sql}"
            );
        }
    }
}
