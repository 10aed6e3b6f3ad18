//! A write that is let in while the tenant leaves is lost: it is acknowledged here, and was not copied there.
//!
//! The guard's own text is run with one line more, which waits for a lock of the test's before it begins. So
//! the mover does all its work between the beginning of the writer's statement and its look at the fence, in
//! every run. The same text with one guard taken out loses the write, every time.

use sqlx::PgConnection;
use tenancy_core::isolation::{IsolationMode, SealAccess};

use crate::patience::until;

use super::{
    SCHEMA, manifest,
    world::{MODES, Outcome, World, code, outcome, rows, run},
};

/// A lock that only these tests know.
const GATE: &str = "select pg_advisory_xact_lock(1)";

const GUARD: &str = "select pg_get_functiondef(
    'tenancy.enter(bigint,bigint,boolean,bigint,text)'::regprocedure)";

/// Puts a changed text of the guard in its place.
async fn change_guard(world: &World, change: impl Fn(&str) -> String) {
    let mut admin = world.admin().await;
    let text: String = sqlx::query_scalar(GUARD)
        .fetch_one(&mut admin)
        .await
        .unwrap();
    let changed = change(&text);
    assert_ne!(text, changed);
    run(&mut admin, &changed).await;
}

/// The guard waits at the gate before its first statement.
fn gated(text: &str) -> String {
    let gated = text.replacen(
        "BEGIN\n",
        "BEGIN\n    PERFORM pg_advisory_xact_lock(1);\n",
        1,
    );
    assert_ne!(text, gated);
    gated
}

/// The tenant leaves: its fence is changed by whoever holds its lock alone, and then its rows are copied.
/// Returns how many there are.
async fn leave_the_cell(mover: &mut PgConnection) -> usize {
    run(
        mover,
        "begin;
         set local lock_timeout = '5s';
         select pg_advisory_xact_lock((1414415193::bigint << 32) | 1);
         update tenancy.fence set state = 'sealed' where tenant_id = 1;
         commit",
    )
    .await;
    rows(mover, "select 1 from product where tenant_id = 1")
        .await
        .unwrap()
        .len()
}

/// How a writer fared whose guard began before the tenant left and looked at the fence after it.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It read this state of the fence, and what it would do next is the protocol's matter.
    Told(String),
    /// It was refused with this code.
    Refused(String),
}

/// `begin` is the beginning of the writer's message, before the question to the fence.
async fn race(world: &World, begin: &str, question: &str) -> Fate {
    let (mut gate, mut mover) = (world.admin().await, world.mover().await);
    let (mut writer, mut watch) = (world.app().await, world.admin().await);
    run(&mut gate, &format!("begin; {GATE}")).await;
    let message = format!("{begin}; {question}");
    let entry = async { rows(&mut writer, &message).await };
    let others = async {
        // Until the writer stands at the gate: its snapshot is as old as this.
        let waits =
            "select exists (select from pg_locks where locktype = 'advisory' and classid = 0 and objid = 1
            and not granted and database = (select oid from pg_database where datname = current_database()))";
        until(&mut watch, waits).await;
        let copied = leave_the_cell(&mut mover).await;
        run(&mut gate, "rollback").await;
        copied
    };
    let (entered, copied) = tokio::join!(entry, others);
    let state: String = match entered {
        Err(error) => return Fate::Refused(code(&error)),
        Ok(rows) => {
            use sqlx::Row as _;
            let row = rows.last().unwrap();
            let answer: String = row.try_get(row.len() - 1).unwrap();
            answer.split(' ').nth(1).unwrap().to_owned()
        }
    };
    if state == "active" {
        // The writer believes it may write. It does, and is told that all is well.
        run(
            &mut writer,
            "insert into product values (1, 99, 'lost'); commit",
        )
        .await;
        let now = rows(&mut mover, "select 1 from product where tenant_id = 1")
            .await
            .unwrap()
            .len();
        assert_eq!(now, copied + 1, "the write is here and not in the copy");
    }
    Fate::Told(state)
}

fn lost() -> Fate {
    Fate::Told("active".into())
}

async fn world(mode: IsolationMode) -> World {
    World::new(SCHEMA, &manifest(), mode).await
}

#[tokio::test]
async fn under_read_committed_the_guard_reads_what_the_lock_protects() {
    for mode in MODES {
        let world = world(mode).await;
        change_guard(&world, gated).await;
        let question = world.enter(1, SealAccess::Write);
        let fate = race(&world, "begin", &question).await;
        assert_eq!(fate, Fate::Told("sealed".into()), "{mode:?}");
    }
}

#[tokio::test]
async fn a_stable_guard_loses_a_write() {
    for mode in MODES {
        let world = world(mode).await;
        change_guard(&world, |text| {
            gated(text).replacen("LANGUAGE plpgsql\n", "LANGUAGE plpgsql STABLE\n", 1)
        })
        .await;
        let question = world.enter(1, SealAccess::Write);
        assert_eq!(race(&world, "begin", &question).await, lost(), "{mode:?}");
    }
}

/// Lock and question in one statement: the statement's snapshot is older than the lock.
#[tokio::test]
async fn a_subselect_in_the_statement_of_the_lock_loses_a_write() {
    let world = world(IsolationMode::Plain).await;
    let app = world.isolation.roles().app();
    let grant = format!("grant select on tenancy.fence to {app}");
    run(&mut world.admin().await, &grant).await;
    let question = format!(
        "{GATE}, pg_try_advisory_xact_lock_shared((1414415193::bigint << 32) | 1),
            set_config('app.tenant_id', '1', true),
            (select 't ' || state from tenancy.fence where tenant_id = 1)"
    );
    assert_eq!(race(&world, "begin", &question).await, lost());
}

/// All statements see one snapshot there, and the first one takes it: here, the one that waits at the gate.
#[tokio::test]
async fn with_one_snapshot_the_guard_fails_instead_of_reading_the_past() {
    for mode in MODES {
        for level in ["repeatable read", "serializable"] {
            let world = world(mode).await;
            let begin = format!("begin isolation level {level}; {GATE}");
            let question = world.enter(1, SealAccess::Write);
            let fate = race(&world, &begin, &question).await;
            assert_eq!(fate, Fate::Refused("40001".into()), "{mode:?}, {level}");
        }
    }
}

#[tokio::test]
async fn with_one_snapshot_a_plain_question_loses_a_write() {
    for mode in MODES {
        for level in ["repeatable read", "serializable"] {
            let world = world(mode).await;
            change_guard(&world, |text| text.replace("FOR SHARE", "")).await;
            let begin = format!("begin isolation level {level}; {GATE}");
            let question = world.enter(1, SealAccess::Write);
            let fate = race(&world, &begin, &question).await;
            assert_eq!(fate, lost(), "{mode:?}, {level}");
        }
    }
}

/// Without the lock, a writer that came in before the fence was changed ends after the copy.
#[tokio::test]
async fn the_mover_waits_for_writers_that_are_open() {
    for mode in MODES {
        let world = world(mode).await;
        let (mut writer, mut mover) = (world.app().await, world.mover().await);
        let drain = "begin; set local lock_timeout = '1ms';
            select pg_advisory_xact_lock((1414415193::bigint << 32) | 1)";
        world.write(&mut writer, 1).await;
        let waits = outcome(&mut mover, drain).await;
        assert_eq!(waits, Outcome::Refused("55P03".into()), "{mode:?}");
        run(&mut mover, "rollback").await;
        run(
            &mut writer,
            "insert into product values (1, 99, 'kept'); select tenancy.leave(1); commit",
        )
        .await;
        assert_eq!(leave_the_cell(&mut mover).await, 3);

        // The lock taken out of the guard.
        run(
            &mut mover,
            "update tenancy.fence set state = 'active' where tenant_id = 1",
        )
        .await;
        change_guard(&world, |text| {
            text.replace("pg_catalog.pg_try_advisory_xact_lock_shared", "0 <")
        })
        .await;
        world.write(&mut writer, 1).await;
        assert_eq!(leave_the_cell(&mut mover).await, 3);
        let late = "insert into product values (1, 100, 'lost'); select tenancy.leave(1); commit";
        run(&mut writer, late).await;
        let after = outcome(&mut mover, "select 1 from product where tenant_id = 1").await;
        assert_eq!(
            after,
            Outcome::Rows(4),
            "the write is here and not in the copy"
        );
    }
}
