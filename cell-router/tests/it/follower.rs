//! The follower against a directory that fails on cue.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use proptest::prelude::*;
use tenancy_cell_router::{
    Backoff, ChangeSource, Contact, Error, Follower, FollowerStatus, Progress, ReferenceTable,
    SourceSnapshot,
};
use tenancy_types::{
    Answer, CellId, Clock, DirectoryEvent, DirectoryId, Epoch, History, Lifecycle, LogEntry,
    Lookup, ManualClock, Placement, PlanName, Position, Revision, Slug, TenantId,
};
use tokio::{task::JoinHandle, time::Instant};

/// What the source does when it is asked the next time.
#[derive(Clone, Copy, Debug)]
enum Cue {
    /// It does not answer.
    Away,
    /// The snapshot breaks off after its first fact.
    Torn,
    /// The log breaks off after this many entries.
    Breaks(usize),
    /// The log ends, which it never should, after this many entries.
    Ends(usize),
    /// The log does not reach back far enough.
    Gap,
    /// The log begins this many entries too early.
    Repeats(usize),
    /// The log leaves out an entry, and delivers it after the next one.
    Late,
}

/// A directory with a fixed log, of which the first `old` entries are in its snapshots, and whatever it delivered
/// besides. It does what its cues say, then works for ever.
#[derive(Clone)]
struct Source {
    log: Arc<[LogEntry]>,
    old: Arc<AtomicUsize>,
    cues: Arc<Mutex<VecDeque<Cue>>>,
}

impl Source {
    fn new(old: usize, cues: &[Cue]) -> Self {
        Self {
            log: log().into(),
            old: Arc::new(AtomicUsize::new(old)),
            cues: Arc::new(Mutex::new(cues.iter().copied().collect())),
        }
    }

    fn cue(&self) -> Option<Cue> {
        self.cues.lock().unwrap().front().copied()
    }

    fn done(&self) {
        self.cues.lock().unwrap().pop_front();
    }

    fn broken<T>() -> Result<T, Error> {
        Err(Error::directory("the source broke on cue"))
    }
}

impl ChangeSource for Source {
    async fn newest(&self) -> Result<Position, Error> {
        if let Some(Cue::Away) = self.cue() {
            self.done();
            return Self::broken();
        }
        Ok(position(self.log.len()))
    }

    async fn snapshot(&self) -> Result<SourceSnapshot, Error> {
        let old = self.old.load(Ordering::Relaxed);
        let facts = stream::iter(self.log[..old].to_vec()).map(Ok);
        let facts = match self.cue() {
            Some(Cue::Torn) => {
                self.done();
                facts.take(1).chain(stream::iter([Self::broken()])).boxed()
            }
            _ => facts.boxed(),
        };
        Ok(SourceSnapshot {
            position: position(old),
            facts,
        })
    }

    fn changes(&self, after: Position) -> BoxStream<'static, Result<LogEntry, Error>> {
        let after = after.revision.get() as usize;
        let mut rest = self.log[after..].to_vec();
        let cue = self.cue();
        self.done();
        match cue {
            Some(Cue::Repeats(n)) => rest = self.log[after.saturating_sub(n)..].to_vec(),
            // Not the first entry of all: a tenant is placed before it is named.
            Some(Cue::Late) if after > 0 && rest.len() > 1 => rest.swap(0, 1),
            _ => {}
        }
        let old = Arc::clone(&self.old);
        let entries = stream::iter(rest).map(move |entry| {
            old.fetch_max(entry.revision.get() as usize, Ordering::Relaxed);
            Ok(entry)
        });
        match cue {
            Some(Cue::Breaks(n)) => entries
                .take(n)
                .chain(stream::iter([Self::broken()]))
                .boxed(),
            Some(Cue::Ends(n)) => entries.take(n).boxed(),
            Some(Cue::Gap) => stream::iter([Err(Error::LogGap)]).boxed(),
            _ => entries.chain(stream::pending()).boxed(),
        }
    }
}

fn position(revision: usize) -> Position {
    let history = History {
        directory: DirectoryId::from_u128(7),
        incarnation: 0,
    };
    Position {
        history,
        revision: Revision::new(revision as u64),
    }
}

fn tenant() -> TenantId {
    TenantId::new(1).unwrap()
}

fn home(seq: u32) -> Placement {
    Placement::new(
        CellId::new(1).unwrap(),
        Lifecycle::Active,
        Epoch::new(0, seq),
    )
}

/// A tenant with a slug that changes its lifecycle, then its plan.
fn log() -> Vec<LogEntry> {
    let tenant = tenant();
    let slug: Slug = "acme".parse().unwrap();
    let plan: PlanName = "enterprise".parse().unwrap();
    let events = [
        DirectoryEvent::Placed {
            tenant,
            placement: home(1),
        },
        DirectoryEvent::SlugAdded { slug, tenant },
        DirectoryEvent::Placed {
            tenant,
            placement: home(2),
        },
        DirectoryEvent::PlanChanged { tenant, plan },
    ];
    (1..)
        .map(Revision::new)
        .zip(events)
        .map(|(revision, event)| LogEntry { revision, event })
        .collect()
}

const END: Revision = Revision::new(4);

struct Rig {
    table: Arc<ReferenceTable>,
    clock: ManualClock,
    progress: Progress,
    told: Arc<Mutex<Vec<LogEntry>>>,
    task: JoinHandle<std::convert::Infallible>,
}

fn follow(source: Source) -> Rig {
    let table = Arc::new(ReferenceTable::new());
    let clock = ManualClock::default();
    let told = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&told);
    let follower = Follower::new(source, Arc::clone(&table), clock.clone())
        .with_observer(move |entry: &LogEntry| notes.lock().unwrap().push(entry.clone()));
    let progress = follower.progress();
    let task = tokio::spawn(follower.run());
    Rig {
        table,
        clock,
        progress,
        told,
        task,
    }
}

#[track_caller]
fn leads_to(table: &ReferenceTable, placement: Placement) {
    let Answer::Hit(route) = table.lookup_slug("acme") else {
        panic!("the slug leads nowhere");
    };
    assert_eq!(route.placement, placement);
}

#[tokio::test(start_paused = true)]
async fn a_table_is_filled_and_kept_in_step() {
    let rig = follow(Source::new(2, &[]));
    assert_eq!(rig.table.lookup_slug("acme"), Answer::NotReady);
    assert!(rig.progress.reached(END).await);
    leads_to(&rig.table, home(2));
    assert_eq!(*rig.told.lock().unwrap(), log());
    let status = rig.progress.status();
    assert_eq!(status.revision(), Some(END));
    assert_eq!(status.age(rig.clock.now()), Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn while_the_directory_is_away_the_table_answers() {
    let rig = follow(Source::new(2, &[Cue::Breaks(2), Cue::Away, Cue::Away]));
    assert!(rig.progress.reached(END).await);
    leads_to(&rig.table, home(2));
    // The follower meets the break once it runs again; the clock that measures age stands still until then.
    tokio::task::yield_now().await;
    let lost = rig.clock.now();
    assert_eq!(rig.progress.status().contact, Contact::Lost { since: lost });
    rig.clock.advance(Duration::from_secs(7));
    assert_eq!(
        rig.progress.status().age(rig.clock.now()),
        Some(Duration::from_secs(7))
    );
    leads_to(&rig.table, home(2));

    let begin = Instant::now();
    let is_live = |status: &FollowerStatus| status.contact == Contact::Live;
    assert!(rig.progress.until(is_live).await);
    // Three failures: 100, 200 and 400 ms, each less up to a half.
    let took = begin.elapsed();
    assert!((350..=705).contains(&took.as_millis()), "{took:?}");
}

/// What is missing still would be answered with 404.
#[tokio::test(start_paused = true)]
async fn a_table_that_has_not_caught_up_is_not_in_step() {
    let rig = follow(Source::new(2, &[Cue::Breaks(1), Cue::Away]));
    assert!(rig.progress.reached(Revision::new(3)).await);
    let lost = |status: &FollowerStatus| status.counts.failures == 2;
    assert!(rig.progress.until(lost).await);
    assert_eq!(rig.progress.status().contact, Contact::Never);
    assert_eq!(rig.progress.status().age(rig.clock.now()), None);
    assert!(rig.progress.reached(END).await);
    assert_eq!(rig.progress.status().contact, Contact::Live);
}

/// A directory that says where its log ends, and cannot read it.
struct Unreadable {
    newest: Arc<AtomicUsize>,
}

impl ChangeSource for Unreadable {
    async fn newest(&self) -> Result<Position, Error> {
        Ok(position(self.newest.load(Ordering::Relaxed)))
    }

    async fn snapshot(&self) -> Result<SourceSnapshot, Error> {
        Ok(SourceSnapshot {
            position: position(log().len()),
            facts: stream::iter(log()).map(Ok).boxed(),
        })
    }

    fn changes(&self, _: Position) -> BoxStream<'static, Result<LogEntry, Error>> {
        stream::iter([Source::broken()]).boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn routes_grow_old_while_the_log_cannot_be_read() {
    let newest = Arc::new(AtomicUsize::new(log().len()));
    let clock = ManualClock::default();
    let source = Unreadable {
        newest: Arc::clone(&newest),
    };
    let follower = Follower::new(source, ReferenceTable::new(), clock.clone());
    let progress = follower.progress();
    let task = tokio::spawn(follower.run());
    let more_failures = async || {
        let failures = progress.status().counts.failures;
        let more = |status: &FollowerStatus| status.counts.failures > failures + 2;
        assert!(progress.until(more).await);
    };
    more_failures().await;
    assert_eq!(progress.status().age(clock.now()), Some(Duration::ZERO));
    // It has something new to tell, and does not.
    newest.fetch_add(1, Ordering::Relaxed);
    more_failures().await;
    clock.advance(Duration::from_secs(7));
    more_failures().await;
    let age = progress.status().age(clock.now());
    assert_eq!(age, Some(Duration::from_secs(7)));
    task.abort();
}

/// A snapshot that breaks off must not take the place of what is known.
#[tokio::test(start_paused = true)]
async fn a_torn_snapshot_is_not_put_in_place() {
    let rig = follow(Source::new(2, &[Cue::Torn]));
    tokio::task::yield_now().await;
    assert_eq!(rig.table.lookup_slug("acme"), Answer::NotReady);
    assert_eq!(rig.progress.status().age(rig.clock.now()), None);
    assert!(rig.progress.reached(END).await);
    leads_to(&rig.table, home(2));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_follower_that_ended_is_told() {
    let rig = follow(Source::new(2, &[]));
    assert!(rig.progress.reached(END).await);
    rig.task.abort();
    assert!(!rig.progress.reached(END.next()).await);
    leads_to(&rig.table, home(2));
}

fn cue() -> impl Strategy<Value = Cue> {
    prop_oneof![
        Just(Cue::Away),
        Just(Cue::Torn),
        Just(Cue::Gap),
        Just(Cue::Late),
        (1..3_usize).prop_map(Cue::Repeats),
        (0..3_usize).prop_map(Cue::Breaks),
        (0..3_usize).prop_map(Cue::Ends),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever fails, in whatever order: when it stops failing, the table gets there, and it never goes back.
    #[test]
    fn a_follower_heals(old in 0..=4_usize, cues in prop::collection::vec(cue(), 0..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let rig = follow(Source::new(old, &cues));
            // A source that leaves out an entry is found out only by the entry.
            let healed = rig.progress.until(|status| {
                let told = rig.told.lock().unwrap();
                let knows_all = log().iter().all(|entry| told.contains(entry));
                knows_all && status.contact == Contact::Live
            });
            assert!(healed.await);
            assert_eq!(rig.progress.status().revision(), Some(END));
            leads_to(&rig.table, home(2));
        });
    }

    #[test]
    fn waits_grow_to_a_limit_and_keep_a_half(failures in 1..100_u32, chance: u32) {
        let (first, most) = (Duration::from_millis(100), Duration::from_secs(10));
        let wait = Backoff::new(first, most).wait(failures, chance);
        let whole = first.as_secs_f64() * 2_f64.powi(failures as i32 - 1);
        let whole = whole.min(most.as_secs_f64());
        let share = wait.as_secs_f64() / whole;
        prop_assert!((0.499_999..=1.000_001).contains(&share), "{share}");
    }
}
