use expect_test::{Expect, expect};
use proptest::prelude::*;
use tenancy_migrate::{
    Entry, Home, Journal, MemoryJournal, NotEmpty, PurgeError, PurgeRequest, Purged, Purging,
    SqliteJournal,
};
use tenancy_types::{Epoch, Kind, Lifecycle, ManualClock, Problem, Retry, UnixMicros};

use crate::{
    interrupt::{Drop, Running, interleave, interrupt},
    journals::file,
    purge_world::{ANOTHER, ARCHIVE, Acts, ROWS, Shop, counts, home},
    world::{Fuse, Fused},
};

type Runner<J> = Purging<Acts, Fused<J>, ManualClock>;

/// A new process over what earlier ones have left.
fn process<J: Journal>(shop: &Shop, journal: J, fuse: Fuse) -> Runner<J> {
    let acts = Acts {
        shop: shop.clone(),
        fuse: fuse.clone(),
        times: 1,
    };
    Purging::new(acts, Fused { journal, fuse }, ManualClock::default())
}

fn purge() -> PurgeRequest {
    PurgeRequest::purge(home(Lifecycle::Offboarding, 5)).unwrap()
}

fn refill() -> PurgeRequest {
    PurgeRequest::refill(home(Lifecycle::Suspended, 5), ARCHIVE).unwrap()
}

/// A shop that is as the request finds it.
fn shop_for(request: &PurgeRequest) -> Shop {
    Shop::new(if *request == purge() {
        Lifecycle::Offboarding
    } else {
        Lifecycle::Suspended
    })
}

async fn check_transcript(request: PurgeRequest, expect: Expect) {
    let (shop, journal) = (shop_for(&request), MemoryJournal::default());
    let purged = process(&shop, journal.clone(), Fuse::never())
        .run(&request)
        .await
        .unwrap();
    shop.check(&purged);
    assert_eq!(journal.unfinished().await.unwrap(), []);
    let mut transcript = format!("{}:\n", request.key().as_str());
    for entry in journal.entries(&request.key()).await.unwrap() {
        transcript += &format!("{}\n", entry.text);
    }
    if let Purged::Forgotten(receipt) = purged {
        transcript += &format!("\n{receipt}");
    }
    expect.assert_eq(&transcript);
}

#[tokio::test]
async fn a_tenant_is_purged() {
    check_transcript(
        purge(),
        expect![[r#"
        purge-7-0.6:
        started 1 purge 7 0.6
        begun 7 cell-1 purging 0.6
        fenced
        settled
        counted product=10 variant=20
        emptied
        proven
        retracted cell-1 gone 0.7
        closed
        forgotten

        tenancy purge receipt 1
        tenant 7
        epoch 0.7
        began 1767225600000000
        ended 1767225600000000
        rows product=10 variant=20
        blake3 10aae3c1f037e4cce10c587a3643f956d4266a4ec64966cdad057439be72d8d0
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_tenant_is_refilled() {
    check_transcript(
        refill(),
        expect![[r#"
        purge-7-0.6:
        started 1 refill 7 0.6 5f3a of 1 May.tar
        checked
        begun 7 cell-1 purging 0.6
        fenced
        settled
        counted product=10 variant=20
        emptied
        proven
        reopened cell-1 provisioning 0.7
        readied
        filled
        published cell-1 active 0.8
        opened
    "#]],
    )
    .await;
}

#[tokio::test]
async fn asking_again_has_the_same_answer() {
    use Lifecycle as L;
    let purged = |home| PurgeRequest::purge(home);
    let refilled = |home| PurgeRequest::refill(home, ARCHIVE);
    type Ask<'a> = &'a dyn Fn(tenancy_migrate::Home) -> Result<PurgeRequest, PurgeError>;
    type Finds = &'static [(Lifecycle, u32)];
    let cases: [(PurgeRequest, Ask<'_>, Finds); 2] = [
        (
            purge(),
            &purged,
            &[(L::Offboarding, 5), (L::Purging, 6), (L::Gone, 7)],
        ),
        (
            refill(),
            &refilled,
            &[
                (L::Suspended, 5),
                (L::Purging, 6),
                (L::Provisioning, 7),
                (L::Active, 8),
            ],
        ),
    ];
    for (request, ask, finds) in cases {
        let shop = shop_for(&request);
        let process = process(&shop, MemoryJournal::default(), Fuse::never());
        let first = process.run(&request).await.unwrap();
        for (lifecycle, epoch) in finds {
            let again = ask(home(*lifecycle, *epoch)).unwrap();
            assert_eq!(process.run(&again).await.unwrap(), first, "{lifecycle}");
        }
        shop.check(&first);
    }
}

/// Each lifecycle that cannot be purged or refilled is refused before anything is written down.
#[tokio::test]
async fn what_cannot_begin_is_refused_at_once() {
    let journal = MemoryJournal::default();
    let process = process(
        &Shop::new(Lifecycle::Active),
        journal.clone(),
        Fuse::never(),
    );
    for lifecycle in Lifecycle::ALL {
        let home = home(lifecycle, 5);
        for (verb, request) in [
            ("purged", PurgeRequest::purge(home)),
            ("refilled", PurgeRequest::refill(home, ARCHIVE)),
        ] {
            let begins = match verb {
                "purged" => Lifecycle::Offboarding,
                _ => Lifecycle::Suspended,
            };
            if [begins, Lifecycle::Purging].contains(&lifecycle) {
                request.unwrap();
                continue;
            }
            let error = match request {
                Ok(request) => process.run(&request).await.unwrap_err(),
                Err(error) => error,
            };
            assert_eq!(
                error.to_string(),
                format!("a tenant that is {lifecycle} cannot be {verb}")
            );
            assert_eq!(error.code().as_str(), "purge_not_possible");
            assert_eq!((error.kind(), error.retry()), (Kind::Conflict, Retry::No));
        }
    }
    assert_eq!(journal.unfinished().await.unwrap(), []);
    let young = PurgeRequest::refill(home(Lifecycle::Active, 1), ARCHIVE).unwrap_err();
    assert_eq!(young.code().as_str(), "purge_not_possible");
    let old = PurgeRequest::purge(home(Lifecycle::Offboarding, u32::MAX)).unwrap_err();
    assert_eq!(old.code().as_str(), "epochs_exhausted");
}

/// An archive that cannot be loaded is found out before anything is deleted; the answer stays, and another
/// archive may be asked for.
#[tokio::test]
async fn a_refill_that_would_fail_deletes_nothing() {
    let (shop, journal) = (shop_for(&refill()), MemoryJournal::default());
    shop.state().flaw = Some("archive_invalid:\nline 3");
    let process = process(&shop, journal.clone(), Fuse::never());
    let asked = home(Lifecycle::Suspended, 5);
    for _ in 0..2 {
        let refused = process.run(&refill()).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the archive cannot be loaded: archive_invalid: line 3"
        );
        assert_eq!(refused.code().as_str(), "refill_refused");
        assert_eq!(
            (refused.kind(), refused.retry()),
            (Kind::Conflict, Retry::No)
        );
        let mut state = shop.state();
        assert_eq!(
            (state.placement, &state.rows),
            (asked.placement, &ROWS.into())
        );
        assert_eq!(state.unknown_payments, 2);
        // It would be fine now: the answer stays all the same.
        state.flaw = None;
    }
    assert_eq!(journal.unfinished().await.unwrap(), []);
    assert_eq!(journal.entries(&refill().key()).await.unwrap().len(), 2);
    let next = PurgeRequest::refill(asked, ANOTHER).unwrap();
    for _ in 0..2 {
        shop.check(&process.run(&next).await.unwrap());
    }
    let second = journal.entries(&"purge-7-0.6-2".parse().unwrap()).await;
    assert_eq!(second.unwrap()[0].text, "started 1 refill 7 0.6 c0de.tar");
    let refused = process.run(&refill()).await.unwrap_err();
    assert_eq!(refused.code().as_str(), "refill_refused", "for good");
}

/// A refill whose archive is lost once the rows are deleted waits for ever, unless it is abandoned: the tenant
/// is purged then, and the receipt has the rows of both.
#[tokio::test]
async fn a_refill_that_cannot_end_is_abandoned() {
    let (shop, journal) = (shop_for(&refill()), MemoryJournal::default());
    shop.state().is_lost = true;
    let process = process(&shop, journal.clone(), Fuse::never());
    for _ in 0..2 {
        let waits = process.run(&refill()).await.unwrap_err();
        assert_eq!(waits.to_string(), "the purge stopped in phase readied");
    }
    let stuck = Home {
        placement: shop.state().placement,
        ..home(Lifecycle::Provisioning, 7)
    };
    assert_eq!(stuck, home(Lifecycle::Provisioning, 7));
    let abandoned = process.abandon(stuck).await.unwrap();
    shop.check(&abandoned);
    let Purged::Forgotten(receipt) = &abandoned else {
        panic!("what is abandoned is forgotten: {abandoned:?}");
    };
    assert_eq!(receipt.epoch, Epoch::new(0, 8));
    assert_eq!(receipt.rows, counts([("product", 10 + 4), ("variant", 20)]));
    assert_eq!(journal.unfinished().await.unwrap(), []);
    for asked in [stuck, home(Lifecycle::Gone, 8)] {
        assert_eq!(process.abandon(asked).await.unwrap(), abandoned);
    }
    assert_eq!(process.run(&refill()).await.unwrap(), abandoned);
}

#[tokio::test]
async fn an_abandonment_that_dies_anywhere_is_gone_on_with() {
    for point in 0.. {
        let (shop, journal) = (shop_for(&refill()), MemoryJournal::default());
        shop.state().is_lost = true;
        let dead = process(&shop, journal.clone(), Fuse::never());
        dead.run(&refill()).await.unwrap_err();
        let fuse = Fuse::new(point);
        let dying = process(&shop, journal.clone(), fuse.clone());
        let stuck = home(Lifecycle::Provisioning, 7);
        let died = dying.abandon(stuck).await.is_err();
        let process = process(&shop, journal.clone(), Fuse::never());
        drop(process.resume_all().await.unwrap());
        shop.check(&process.abandon(stuck).await.unwrap());
        assert_eq!(journal.unfinished().await.unwrap(), []);
        if !died {
            assert!(point > 20, "{point}");
            return;
        }
    }
}

/// Only a refill is abandoned, and only before it is filled.
#[tokio::test]
async fn what_is_not_being_refilled_is_not_abandoned() {
    let refilled = home(Lifecycle::Provisioning, 7);
    let (shop, journal) = (shop_for(&refill()), MemoryJournal::default());
    let runner = process(&shop, journal.clone(), Fuse::never());
    let nothing = runner.abandon(refilled).await.unwrap_err();
    assert_eq!(
        nothing.to_string(),
        "a tenant that is provisioning cannot be purged"
    );
    assert_eq!(nothing.code().as_str(), "purge_not_possible");
    for lifecycle in Lifecycle::ALL {
        let refused = runner.abandon(home(lifecycle, 7)).await.unwrap_err();
        assert_eq!(refused.code().as_str(), "purge_not_possible", "{lifecycle}");
    }
    let done = runner.run(&refill()).await.unwrap();
    assert_eq!(runner.abandon(refilled).await.unwrap(), done);
    shop.check(&done);

    let (shop, journal) = (shop_for(&purge()), MemoryJournal::default());
    let runner = process(&shop, journal, Fuse::never());
    runner.run(&purge()).await.unwrap();
    let purged = runner.abandon(refilled).await.unwrap_err();
    assert_eq!(purged.code().as_str(), "purge_not_possible");
}

/// Nothing is deleted before the provider has said what became of every payment.
#[tokio::test]
async fn a_purge_waits_for_what_is_open_with_others() {
    for request in [purge(), refill()] {
        let (shop, journal) = (shop_for(&request), MemoryJournal::default());
        shop.state().provider_away = 2;
        let process = process(&shop, journal, Fuse::never());
        for _ in 0..2 {
            let waits = process.run(&request).await.unwrap_err();
            assert_eq!(waits.to_string(), "the purge stopped in phase fenced");
            assert_eq!(waits.code().as_str(), "purge_unfinished");
            let state = shop.state();
            assert_eq!(state.rows, ROWS.into());
            assert_eq!(state.placement.lifecycle, Lifecycle::Purging);
        }
        shop.check(&process.run(&request).await.unwrap());
    }
}

#[tokio::test]
async fn a_purge_and_a_refill_do_not_meet() {
    for (first, second) in [(purge(), refill()), (refill(), purge())] {
        let (shop, journal) = (shop_for(&first), MemoryJournal::default());
        let dead = process(&shop, journal.clone(), Fuse::new(9));
        dead.run(&first).await.unwrap_err();
        let process = process(&shop, journal, Fuse::never());
        let refused = process.run(&second).await.unwrap_err();
        assert_eq!(refused.code().as_str(), "purge_under_way");
        assert_eq!(
            (refused.kind(), refused.retry()),
            (Kind::Conflict, Retry::No)
        );
        shop.check(&process.run(&first).await.unwrap());
    }
}

/// An undo between the request and its first act wins; nothing is deleted, now or later.
#[tokio::test]
async fn an_undo_overtakes_a_purge_that_has_not_begun() {
    let (shop, journal) = (shop_for(&purge()), MemoryJournal::default());
    let dead = process(&shop, journal.clone(), Fuse::new(2));
    dead.run(&purge()).await.unwrap_err();
    let undone = home(Lifecycle::Suspended, 6).placement;
    shop.state().placement = undone;
    let process = process(&shop, journal.clone(), Fuse::never());
    let resumed = process.resume_all().await.unwrap();
    assert!(
        matches!(&*resumed, [(key, Err(PurgeError::Overtaken))] if *key == purge().key()),
        "{resumed:?}"
    );
    assert_eq!(journal.unfinished().await.unwrap(), []);
    let again = process.run(&purge()).await.unwrap_err();
    assert_eq!(again.code().as_str(), "purge_overtaken");
    assert_eq!((again.kind(), again.retry()), (Kind::Conflict, Retry::No));
    let state = shop.state();
    assert_eq!(state.placement, undone);
    assert_eq!(counts(state.rows.clone()).total(), 30);
}

/// Something writes although the tenant is purging: the table is named, the rows are deleted at the next
/// attempt, and the receipt has them.
#[tokio::test]
async fn rows_that_are_left_are_named_and_deleted() {
    let (shop, journal) = (shop_for(&purge()), MemoryJournal::default());
    shop.state().intrusions = 2;
    let process = process(&shop, journal.clone(), Fuse::never());
    for _ in 0..2 {
        let error = process.run(&purge()).await.unwrap_err();
        assert_eq!(error.to_string(), "the purge stopped in phase counted");
        assert_eq!(error.code().as_str(), "purge_unfinished");
        assert!(matches!(error.retry(), Retry::After(_)));
        let source = std::error::Error::source(&error).unwrap();
        let left = source.downcast_ref::<NotEmpty>().unwrap();
        assert_eq!(
            left.to_string(),
            "table product had 2 rows after it had been emptied"
        );
        assert_eq!(shop.state().placement.lifecycle, Lifecycle::Purging);
    }
    let Purged::Forgotten(receipt) = process.run(&purge()).await.unwrap() else {
        panic!("a purge forgets");
    };
    assert_eq!(receipt.rows, counts([("product", 14), ("variant", 20)]));
    let texts = journal.entries(&purge().key()).await.unwrap();
    assert_eq!(
        texts
            .iter()
            .filter(|entry| entry.text == "left product=2 variant=0")
            .count(),
        2
    );
}

/// Lets the process die at every point, once more at every point of the recovery, and then recovers.
async fn dies_everywhere(
    request: &PurgeRequest,
    repeat: impl AsyncFn(&Runner<MemoryJournal>),
) -> u32 {
    for first in 0.. {
        for second in 0.. {
            let (shop, journal) = (shop_for(request), MemoryJournal::default());
            let died = process(&shop, journal.clone(), Fuse::new(first))
                .run(request)
                .await;
            if died.is_ok() {
                return first;
            }
            let fuse = Fuse::new(second);
            repeat(&process(&shop, journal.clone(), fuse.clone())).await;
            let died_again = fuse.point().await.is_err();
            let process = process(&shop, journal.clone(), Fuse::never());
            process.resume_all().await.unwrap();
            assert_eq!(journal.unfinished().await.unwrap(), []);
            let purged = process.run(request).await.unwrap();
            shop.check(&purged);
            if !died_again {
                break;
            }
        }
    }
    unreachable!("a process with enough points comes to its end");
}

#[tokio::test]
async fn a_crash_at_every_step_is_resumed() {
    // Acts, two of them in two halves, and entries, each with a point on both sides, and the close.
    for (request, points) in [(purge(), 42), (refill(), 56)] {
        let again = async |process: &Runner<_>| drop(process.run(&request).await);
        assert_eq!(dies_everywhere(&request, again).await, points);
        let resume = async |process: &Runner<_>| drop(process.resume_all().await);
        assert_eq!(dies_everywhere(&request, resume).await, points);
    }
}

#[tokio::test]
async fn every_act_done_twice_is_done_once() {
    for request in [purge(), refill()] {
        let shop = shop_for(&request);
        let acts = Acts {
            shop: shop.clone(),
            fuse: Fuse::never(),
            times: 2,
        };
        let process = Purging::new(acts, MemoryJournal::default(), ManualClock::default());
        shop.check(&process.run(&request).await.unwrap());
    }
}

#[tokio::test]
async fn a_dropped_request_is_a_crash() {
    for request in [purge(), refill()] {
        for drop in [Drop::Asked, Drop::Answered] {
            for polls in 0.. {
                let shop = shop_for(&request);
                let runner = process(&shop, MemoryJournal::default(), Fuse::never());
                let done = interrupt(runner.run(&request), polls, drop).await.is_some();
                shop.check(&runner.run(&request).await.unwrap());
                if done {
                    assert!(polls > 30, "{polls}");
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_journal_file_outlives_the_process() {
    for points in (0..42).step_by(3) {
        let folder = tempfile::tempdir().unwrap();
        let shop = shop_for(&purge());
        let open = async || {
            SqliteJournal::open(&file(&folder), &ManualClock::default())
                .await
                .unwrap()
        };
        let journal = open().await;
        let dead = process(&shop, journal.clone(), Fuse::new(points));
        dead.run(&purge()).await.unwrap_err();
        journal.shut_down().await;
        let process = process(&shop, open().await, Fuse::never());
        let resumed = process.resume_all().await.unwrap();
        assert_eq!(
            resumed.len(),
            usize::from(points > 1),
            "begun or not: {points}"
        );
        shop.check(&process.run(&purge()).await.unwrap());
    }
}

#[tokio::test]
async fn what_cannot_be_read_does_not_keep_others_from_being_finished() {
    let (shop, journal) = (shop_for(&purge()), MemoryJournal::default());
    let dead = process(&shop, journal.clone(), Fuse::new(9));
    dead.run(&purge()).await.unwrap_err();
    for (key, text) in [
        ("newer", "started 2 purge 9 0.6"),
        ("other", "started 1 sell 9 0.6"),
    ] {
        let at = UnixMicros::new(0);
        let text = text.into();
        journal
            .append(&key.parse().unwrap(), 0, Entry { at, text })
            .await
            .unwrap();
    }
    let process = process(&shop, journal, Fuse::never());
    let resumed = process.resume_all().await.unwrap();
    let texts: Vec<_> = resumed
        .iter()
        .map(|(key, result)| match result {
            Ok(_) => format!("{}: done", key.as_str()),
            Err(error) => format!("{error}, {}", error.kind().http_status()),
        })
        .collect();
    assert_eq!(
        texts,
        [
            "entry 0 of workflow \"newer\" cannot be understood, 500",
            "entry 0 of workflow \"other\" cannot be understood, 500",
            "purge-7-0.6: done"
        ]
    );
}

proptest! {
    /// Three runners of one request, interleaved anyhow: one of them may sleep through everything that the
    /// others do, and then wake up in the middle of its act.
    #[test]
    fn runners_of_one_purge_agree(
        filled: bool, schedule in prop::collection::vec(prop_oneof![0..3_usize, Just(0)], 0..250),
    ) {
        let request = if filled { refill() } else { purge() };
        let shop = shop_for(&request);
        let runner = process(&shop, MemoryJournal::default(), Fuse::never());
        let run = || Box::pin(async { runner.run(&request).await.unwrap() }) as Running<'_, Purged>;
        let answers = interleave(vec![run(), run(), run()], &schedule);
        prop_assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        shop.check(&answers[0]);
    }
}
