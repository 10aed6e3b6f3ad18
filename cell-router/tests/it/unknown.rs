//! Hosts that the table does not know: what the directory is asked, and what is answered when it is not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::join_all,
    stream::{self, BoxStream, StreamExt},
};
use tenancy_cell_router::{
    Asked, ChangeSource, Confirm, ConfirmCounts, ConfirmLimits, Confirmer, Contact, Error,
    Follower, Progress, ReferenceTable, RouteKey, SourceSnapshot, Verdict,
};
use tenancy_types::{
    CellId, DirectoryId, Epoch, History, Lifecycle, LogEntry, ManualClock, Placement, Position,
    Revision, Route, TenantId,
};
use tokio::sync::Semaphore;

use crate::{
    follower_process::{start, strict},
    follower_world::{World, until},
};

/// What the directory does when it is asked.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Knows,
    DoesNotKnow,
    Fails,
    Hangs,
}

/// A directory that counts its questions and answers once it is allowed to.
struct Authority {
    mood: Mood,
    asked: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Confirm for Authority {
    async fn confirm(&self, _: &RouteKey) -> Result<Option<Route>, Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let _open = self.gate.acquire().await.unwrap();
        match self.mood {
            Mood::Knows => Ok(Some(route())),
            Mood::DoesNotKnow => Ok(None),
            Mood::Fails => Err(Error::directory("on cue")),
            Mood::Hangs => std::future::pending().await,
        }
    }
}

fn route() -> Route {
    let cell = CellId::new(3).unwrap();
    Route {
        tenant: TenantId::new(7).unwrap(),
        placement: Placement::new(cell, Lifecycle::Active, Epoch::FIRST),
    }
}

fn key(n: usize) -> RouteKey {
    RouteKey::Slug(format!("shop-{n}").parse().unwrap())
}

/// A directory that can be followed, or never answers.
struct Source {
    is_there: bool,
}

impl ChangeSource for Source {
    async fn newest(&self) -> Result<Position, Error> {
        if !self.is_there {
            return Err(Error::directory("away"));
        }
        let history = History {
            directory: DirectoryId::from_u128(7),
            incarnation: 0,
        };
        Ok(Position {
            history,
            revision: Revision::ZERO,
        })
    }

    async fn snapshot(&self) -> Result<SourceSnapshot, Error> {
        Ok(SourceSnapshot {
            position: self.newest().await?,
            facts: stream::empty().boxed(),
        })
    }

    fn changes(&self, _: Position) -> BoxStream<'static, Result<LogEntry, Error>> {
        stream::pending().boxed()
    }
}

async fn followed(is_there: bool) -> Progress {
    let table = Arc::new(ReferenceTable::new());
    let follower = Follower::new(Source { is_there }, table, ManualClock::default());
    let progress = follower.progress();
    let task = tokio::spawn(follower.run());
    if is_there {
        assert!(progress.reached(Revision::ZERO).await);
    } else {
        tokio::task::yield_now().await;
    }
    // The watch keeps what it was told last.
    task.abort();
    progress
}

struct Rig {
    confirmer: Confirmer,
    clock: ManualClock,
    asked: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Rig {
    async fn new(mood: Mood, is_followed: bool) -> Self {
        Self::over(mood, followed(is_followed).await)
    }

    fn over(mood: Mood, progress: Progress) -> Self {
        let clock = ManualClock::default();
        let asked = Arc::default();
        let gate = Arc::new(Semaphore::new(100));
        let authority = Authority {
            mood,
            asked: Arc::clone(&asked),
            gate: Arc::clone(&gate),
        };
        let confirmer =
            Confirmer::new(authority, progress, clock.clone(), ConfirmLimits::default());
        Self {
            confirmer,
            clock,
            asked,
            gate,
        }
    }

    async fn verdict(&self, n: usize) -> Verdict {
        match self.confirmer.ask(&key(n)) {
            Asked::Answered(verdict) => verdict,
            Asked::Waiting(confirming) => confirming.await,
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_directory_says_is_the_answer() {
    #[track_caller]
    fn check(found: Verdict, expect: Verdict, mood: Mood, is_followed: bool) {
        assert_eq!(found, expect, "{mood:?}, followed: {is_followed}");
    }
    for is_followed in [true, false] {
        for (mood, expect) in [
            (Mood::Knows, Verdict::Hit(route())),
            (Mood::DoesNotKnow, Verdict::Absent),
            (Mood::Fails, Verdict::NotFoundOut),
            (Mood::Hangs, Verdict::NotFoundOut),
        ] {
            let rig = Rig::new(mood, is_followed).await;
            check(rig.verdict(1).await, expect, mood, is_followed);
            assert_eq!(rig.asked(), 1);
        }
    }
}

/// The directory loses changes and is refused, or is another one now: what it says does not go with the table.
#[tokio::test(start_paused = true)]
async fn a_directory_that_the_follower_does_not_believe_is_not_asked() {
    let losses: [fn(&World); 3] = [
        |world| world.change(|state| state.log.truncate(10)),
        |world| world.change(|state| state.history.directory = DirectoryId::from_u128(8)),
        |world| world.change(|state| state.is_away = true),
    ];
    for (case, lose) in losses.into_iter().enumerate() {
        let world = World::with(8);
        let process = start(&world, None, strict());
        process.reached(&world).await;
        let rig = Rig::over(Mood::Knows, process.progress.clone());
        assert_eq!(rig.verdict(1).await, Verdict::Hit(route()));

        // One question is on its way.
        let gate = rig.gate.acquire_many(100).await.unwrap();
        let Asked::Waiting(waiting) = rig.confirmer.ask(&key(2)) else {
            panic!("nobody was asked");
        };
        let mut waiting = Box::pin(waiting);
        assert_eq!(waiting.as_mut().now_or_never(), None);
        lose(&world);
        until(&process.progress, |status| status.contact != Contact::Live).await;
        drop(gate);
        assert_eq!(waiting.await, Verdict::NotFoundOut, "case {case}");

        let asked = rig.asked();
        assert_eq!(rig.verdict(3).await, Verdict::NotFoundOut, "case {case}");
        assert_eq!(rig.asked(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_the_same_shares_one_question() {
    let rig = Rig::new(Mood::Knows, true).await;
    let closed = rig.gate.forget_permits(100);
    let waiting: Vec<_> = (0..50).map(|_| rig.verdict(1)).collect();
    let mut all = join_all(waiting).boxed();
    assert!((&mut all).now_or_never().is_none());
    assert_eq!(rig.asked(), 1);
    rig.gate.add_permits(closed);
    assert_eq!(all.await, [Verdict::Hit(route()); 50]);
    let expect = ConfirmCounts {
        asked: 1,
        shared: 49,
        ..ConfirmCounts::default()
    };
    assert_eq!(rig.confirmer.counts(), expect);
    // A later one asks anew: what leads somewhere belongs into the table.
    rig.verdict(1).await;
    assert_eq!(rig.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_absent_is_remembered_for_a_while() {
    let rig = Rig::new(Mood::DoesNotKnow, true).await;
    for _ in 0..1_000 {
        assert_eq!(rig.verdict(1).await, Verdict::Absent);
    }
    assert_eq!(rig.asked(), 1);
    rig.clock.advance(Duration::from_secs(10));
    assert_eq!(rig.verdict(1).await, Verdict::Absent);
    assert_eq!(rig.asked(), 2);
}

/// However many hosts somebody makes up: the directory hears the budget of them, and what is not asked is absent only
/// while the table follows.
#[tokio::test(start_paused = true)]
async fn a_flood_of_hosts_costs_the_directory_its_budget() {
    for (is_followed, unasked) in [(true, Verdict::Absent), (false, Verdict::NotFoundOut)] {
        let rig = Rig::new(Mood::DoesNotKnow, is_followed).await;
        let mut refused = 0;
        for second in 0..10 {
            for n in 0..10_000 {
                let verdict = rig.verdict(second * 10_000 + n).await;
                refused += usize::from(verdict == unasked);
            }
            rig.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(rig.asked(), 20 * 10);
        assert!(refused >= 99_800, "{refused}");
        assert_eq!(rig.confirmer.counts().refused, 99_800);
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_questions_than_allowed_are_on_their_way() {
    let rig = Rig::new(Mood::Hangs, true).await;
    let asked: Vec<_> = (0..20).map(|n| rig.confirmer.ask(&key(n))).collect();
    let waiting = asked
        .iter()
        .filter(|asked| matches!(asked, Asked::Waiting(_)));
    assert_eq!(waiting.count(), 8);
    // Nobody waits any more: their places are free.
    drop(asked);
    let again = rig.confirmer.ask(&key(30));
    assert!(matches!(again, Asked::Waiting(_)), "{again:?}");
}

/// Who goes away takes nobody's answer along.
#[tokio::test(start_paused = true)]
async fn others_get_the_answer_when_the_first_asker_leaves() {
    let rig = Rig::new(Mood::Knows, true).await;
    let closed = rig.gate.forget_permits(100);
    let mut first = Box::pin(rig.verdict(1));
    assert!((&mut first).now_or_never().is_none());
    let second = rig.verdict(1);
    let mut second = Box::pin(second);
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    rig.gate.add_permits(closed);
    assert_eq!(second.await, Verdict::Hit(route()));
    assert_eq!(rig.asked(), 1);
}
