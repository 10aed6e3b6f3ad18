use expect_test::expect;
use proptest::prelude::*;
use tenancy_migrate::{
    Entry, Home, Journal, JournalError, MemoryJournal, ProvisionError, Provisioning, Refusal,
    RequestKey, SqliteJournal,
};
use tenancy_types::{Kind, ManualClock, Problem, Retry, UnixMicros};

use crate::{
    interrupt::{Drop, Running, interleave, interrupt},
    journals::file,
    world::{Acts, Fuse, Fused, GARDEN, HAT, ROUBLES, Shop, World},
};

type Runner<J> = Provisioning<Acts, Fused<J>, ManualClock>;

/// A new process over what earlier ones have left.
fn process<J: Journal>(world: &World, journal: J, fuse: Fuse) -> Runner<J> {
    let acts = Acts {
        world: world.clone(),
        fuse: fuse.clone(),
        times: 1,
    };
    Provisioning::new(acts, Fused { journal, fuse }, ManualClock::default())
}

fn key(text: &str) -> RequestKey {
    text.parse().unwrap()
}

/// The final answer, which must be one.
#[track_caller]
fn answer(result: Result<Home, ProvisionError>) -> Result<Home, Refusal> {
    match result {
        Ok(home) => Ok(home),
        Err(ProvisionError::Refused(refusal)) => Err(refusal),
        Err(error) => panic!("no answer: {error:?}"),
    }
}

async fn transcript(journal: &impl Journal) -> String {
    let entries = journal.entries(&key("k")).await.unwrap();
    entries
        .into_iter()
        .map(|entry| entry.text)
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn a_tenant_is_made() {
    let (world, journal) = (World::default(), MemoryJournal::default());
    let process = process(&world, journal.clone(), Fuse::never());
    let made = answer(process.provision(&key("k"), &GARDEN).await);
    assert!(made.is_ok());
    world.check(&GARDEN, &made);
    assert_eq!(journal.unfinished().await.unwrap(), []);
    expect![[r#"
        started 1 garden EUR
        created 1 cell-1 provisioning 0.1
        fenced
        seeded
        published cell-1 active 0.2
        opened"#]]
    .assert_eq(&transcript(&journal).await);
}

#[tokio::test]
async fn a_refusal_leaves_nothing() {
    let (world, journal) = (World::default(), MemoryJournal::default());
    let process = process(&world, journal.clone(), Fuse::never());
    let refused = process.provision(&key("k"), &ROUBLES).await.unwrap_err();
    assert_eq!(refused.code().as_str(), "invalid_request");
    assert_eq!(refused.client_text(), "there is no currency XYZ");
    world.check(&ROUBLES, &answer(Err(refused)));
    assert_eq!(journal.unfinished().await.unwrap(), []);
    expect![[r#"
        started 1 garden XYZ
        created 1 cell-1 provisioning 0.1
        fenced
        refused invalid there is no currency XYZ
        retracted cell-1 gone 0.2
        cleared"#]]
    .assert_eq(&transcript(&journal).await);
}

#[tokio::test]
async fn a_taken_slug_is_a_conflict_and_stays_the_answer() {
    let (world, journal) = (World::default(), MemoryJournal::default());
    let process = process(&world, journal, Fuse::never());
    let first = answer(process.provision(&key("first"), &GARDEN).await).unwrap();
    for _ in 0..2 {
        let refused = process
            .provision(&key("second"), &GARDEN)
            .await
            .unwrap_err();
        assert_eq!(refused.code().as_str(), "slug_taken");
        assert_eq!(refused.kind(), Kind::Conflict);
        assert_eq!(refused.retry(), Retry::No);
        // Also when the slug has become free since: a repeated request is no new one.
        world.state().directory[0].slug = "freed";
    }
    assert_eq!(
        answer(process.provision(&key("first"), &GARDEN).await),
        Ok(first)
    );
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let (world, journal) = (World::default(), MemoryJournal::default());
    let running = process(&world, journal.clone(), Fuse::never());
    let made = answer(running.provision(&key("k"), &GARDEN).await);
    let other = running.provision(&key("k"), &HAT).await.unwrap_err();
    assert_eq!(other.code().as_str(), "idempotency_mismatch");
    assert_eq!(other.kind().http_status(), 422);
    world.check(&GARDEN, &made);
    assert_eq!(world.state().directory.len(), 1);
    // Also while the first request is still under way.
    let dying = process(&world, journal, Fuse::new(5));
    dying.provision(&key("l"), &HAT).await.unwrap_err();
    let other = running.provision(&key("l"), &GARDEN).await.unwrap_err();
    assert!(
        matches!(other, ProvisionError::RequestMismatch { .. }),
        "{other:?}"
    );
}

/// How a new process learns of what the dead one left.
#[derive(Clone, Copy, Debug)]
enum Recovery {
    Repeat,
    ResumeAll,
}

/// Lets the process die at every point, once more at every point of the recovery, and then recovers.
async fn dies_everywhere(shop: &Shop, recovery: Recovery) -> u32 {
    let calm = World::default();
    let expected = answer(
        process(&calm, MemoryJournal::default(), Fuse::never())
            .provision(&key("k"), shop)
            .await,
    );
    for first in 0.. {
        for second in 0.. {
            let (world, journal) = (World::default(), MemoryJournal::default());
            let died = process(&world, journal.clone(), Fuse::new(first))
                .provision(&key("k"), shop)
                .await;
            if matches!(died, Ok(_) | Err(ProvisionError::Refused(_))) {
                return first;
            }
            let died = recover(
                &process(&world, journal.clone(), Fuse::new(second)),
                shop,
                recovery,
            )
            .await;
            let process = process(&world, journal.clone(), Fuse::never());
            process.resume_all().await.unwrap();
            assert_eq!(journal.unfinished().await.unwrap(), []);
            let found = answer(process.provision(&key("k"), shop).await);
            assert_eq!(
                found, expected,
                "died at {first}, then at {second}, {recovery:?}"
            );
            world.check(shop, &found);
            if died {
                continue;
            }
            break;
        }
    }
    unreachable!("a process with enough points comes to its end");
}

/// Whether the recovery died too.
async fn recover(process: &Runner<MemoryJournal>, shop: &Shop, recovery: Recovery) -> bool {
    match recovery {
        Recovery::Repeat => {
            let result = process.provision(&key("k"), shop).await;
            !matches!(result, Ok(_) | Err(ProvisionError::Refused(_)))
        }
        Recovery::ResumeAll => !process.resume_all().await.unwrap().unfinished.is_empty(),
    }
}

#[tokio::test]
async fn a_crash_at_every_step_is_resumed() {
    for recovery in [Recovery::Repeat, Recovery::ResumeAll] {
        // Five acts and seven writes, each with a point on both sides.
        assert_eq!(dies_everywhere(&GARDEN, recovery).await, 24);
        assert_eq!(dies_everywhere(&ROUBLES, recovery).await, 24);
    }
}

#[tokio::test]
async fn resuming_reports_what_became_of_each() {
    let (world, journal) = (World::default(), MemoryJournal::default());
    for (name, shop) in [("a", &HAT), ("b", &ROUBLES), ("c", &GARDEN)] {
        // Dead between the seed rows and their entry.
        let dying = process(&world, journal.clone(), Fuse::new(13));
        let error = dying.provision(&key(name), shop).await.unwrap_err();
        assert!(
            matches!(error.kind(), Kind::Unavailable | Kind::Conflict),
            "{error:?}"
        );
        world.state().rows.clear();
    }
    let unread = Entry {
        at: UnixMicros::new(0),
        text: "started 2 something newer".into(),
    };
    journal.append(&key("d"), 0, unread).await.unwrap();
    let resumed = process(&world, journal.clone(), Fuse::never())
        .resume_all()
        .await
        .unwrap();
    assert_eq!(resumed.ready.len(), 1);
    let [(refused, _)] = &*resumed.refused else {
        panic!("{resumed:?}");
    };
    assert_eq!(*refused, key("b"));
    let [(unfinished, error)] = &*resumed.unfinished else {
        panic!("{resumed:?}");
    };
    assert_eq!(*unfinished, key("d"));
    assert_eq!(
        error.to_string(),
        "entry 0 of workflow \"d\" cannot be understood"
    );
    assert_eq!(error.kind(), Kind::Internal);
}

#[tokio::test]
async fn every_act_done_twice_is_done_once() {
    for shop in [GARDEN, ROUBLES] {
        let (world, journal) = (World::default(), MemoryJournal::default());
        let acts = Acts {
            world: world.clone(),
            fuse: Fuse::never(),
            times: 2,
        };
        let process = Provisioning::new(acts, journal, ManualClock::default());
        let found = answer(process.provision(&key("k"), &shop).await);
        assert_eq!(found.is_ok(), shop == GARDEN);
        world.check(&shop, &found);
    }
}

#[tokio::test]
async fn a_dropped_request_is_a_crash() {
    for drop in [Drop::Asked, Drop::Answered] {
        for polls in 0.. {
            let (world, journal) = (World::default(), MemoryJournal::default());
            let runner = process(&world, journal, Fuse::never());
            let done = interrupt(runner.provision(&key("k"), &GARDEN), polls, drop)
                .await
                .is_some();
            let found = answer(runner.provision(&key("k"), &GARDEN).await);
            world.check(&GARDEN, &found);
            if done {
                assert!(polls > 20, "{polls}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_journal_file_outlives_the_process() {
    for shop in [GARDEN, ROUBLES] {
        for points in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let world = World::default();
            let open = async || {
                SqliteJournal::open(&file(&folder), &ManualClock::default())
                    .await
                    .unwrap()
            };
            let journal = open().await;
            let died = process(&world, journal.clone(), Fuse::new(points))
                .provision(&key("k"), &shop)
                .await;
            journal.shut_down().await;
            let journal = open().await;
            let process = process(&world, journal.clone(), Fuse::never());
            process.resume_all().await.unwrap();
            assert_eq!(journal.unfinished().await.unwrap(), []);
            let found = answer(process.provision(&key("k"), &shop).await);
            assert_eq!(found.is_ok(), shop == GARDEN);
            world.check(&shop, &found);
            if matches!(died, Ok(_) | Err(ProvisionError::Refused(_))) {
                assert_eq!(points, 24);
                break;
            }
        }
    }
}

#[tokio::test]
async fn trouble_is_not_a_refusal() {
    let (world, journal) = (World::default(), MemoryJournal::default());
    // Dead before the fence is written.
    let error = process(&world, journal, Fuse::new(6))
        .provision(&key("k"), &GARDEN)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "provisioning stopped in phase created");
    assert_eq!(error.code().as_str(), "provisioning_unfinished");
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(matches!(error.retry(), Retry::After(_)));
    assert_eq!(
        error.client_text(),
        "the tenant is not ready yet; repeat the request with the same key"
    );
}

#[tokio::test]
async fn an_entry_out_of_order_is_found() {
    let journal = MemoryJournal::default();
    for (number, text) in (0..).zip(["started 1 garden EUR", "fenced"]) {
        let at = UnixMicros::new(0);
        journal
            .append(
                &key("k"),
                number,
                Entry {
                    at,
                    text: text.into(),
                },
            )
            .await
            .unwrap();
    }
    let process = process(&World::default(), journal.clone(), Fuse::never());
    let error = process.provision(&key("k"), &GARDEN).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "entry 1 of workflow \"k\" cannot be understood"
    );
    let taken = journal
        .append(
            &key("k"),
            1,
            Entry {
                at: UnixMicros::new(0),
                text: String::new(),
            },
        )
        .await;
    assert!(
        matches!(taken, Err(JournalError::Conflict { .. })),
        "nothing was overwritten"
    );
}

type Attempt<'a> = Running<'a, Result<Home, Refusal>>;

proptest! {
    /// Three runners of one request, interleaved anyhow: one of them may sleep through everything that the
    /// others do, and then wake up in the middle of its act.
    #[test]
    fn runners_of_one_request_agree(
        refused: bool, schedule in prop::collection::vec(prop_oneof![0..3_usize, Just(0)], 0..150),
    ) {
        let shop = if refused { ROUBLES } else { GARDEN };
        let (world, journal) = (World::default(), MemoryJournal::default());
        let runner = process(&world, journal.clone(), Fuse::never());
        let request = || Box::pin(async { answer(runner.provision(&key("k"), &shop).await) }) as Attempt<'_>;
        let answers = interleave(vec![request(), request(), request()], &schedule);
        prop_assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        prop_assert_eq!(answers[0].is_err(), refused);
        world.check(&shop, &answers[0]);
    }

    /// Requests that want one slug, interleaved anyhow: one gets it.
    #[test]
    fn of_two_requests_for_one_slug_one_wins(schedule in prop::collection::vec(0..2_usize, 0..100)) {
        let (world, journal) = (World::default(), MemoryJournal::default());
        let runner = process(&world, journal.clone(), Fuse::never());
        let request = |name: &'static str| {
            let runner = &runner;
            Box::pin(async move { answer(runner.provision(&key(name), &GARDEN).await) }) as Attempt<'_>
        };
        let answers = interleave(vec![request("a"), request("b")], &schedule);
        let won: Vec<_> = answers.iter().filter(|answer| answer.is_ok()).collect();
        prop_assert_eq!(won.len(), 1);
        world.check(&GARDEN, won[0]);
    }
}
