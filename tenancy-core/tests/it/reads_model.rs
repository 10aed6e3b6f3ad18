//! A model of reads during and after a move: a source with a replica that lags behind, a target, a client that
//! carries a read token, and the clean-up of the source. Placements, fences, admissions and tokens come from
//! the protocol's own tables; how a move becomes safe for writes is the model of ownership's matter.

use std::collections::BTreeSet;

use stateright::{Checker as _, HasDiscoveries, Model, Property};
use tenancy_core::protocol::{
    Fence, FenceEvent, FenceState, Move, PlacementEvent, Position, admits_read, admits_write,
    fence, follow, placement,
};
use tenancy_types::{CellId, Epoch, Lifecycle, Placement, UnixMicros};

/// How many requests of the client write, and how many read.
const WRITES: u8 = 3;
const READS: u8 = 3;

/// What is done wrongly, to see that the model notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutation {
    None,
    /// A read is answered wherever it arrives.
    ReadWithoutToken,
    /// A read is answered where its epoch is, however far the log has come.
    TokenWithoutLog,
    /// A left tenant's rows are deleted while the replica still serves it.
    CleanUpBeforeTheReplica,
    /// A left tenant's rows are deleted under a transaction that was let in before.
    CleanUpUnderReaders,
}

/// A database's log: what the fence was, and the number of the last write, after each entry.
type Log = Vec<(Option<Fence>, Option<u8>)>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    directory: Placement,
    answers: Vec<Placement>,
    source: Log,
    /// How many entries of the source's log its replica has.
    replayed: usize,
    target: Log,
    client: Client,
    reader: Option<Reader>,
    /// What a read returned that it must not.
    emptied: bool,
    older: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Client {
    writes: u8,
    reads: u8,
    /// Its token, and what it has read or written.
    seen: Option<Position>,
    known: u8,
}

/// Was let in; each of its statements has a snapshot of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Reader {
    place: Place,
    /// What the client knew when it asked.
    known: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Source,
    Replica,
    Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// The client writes, or begins to read, routed by the `.0`th answer of the directory.
    Write(usize),
    Begin(Place, usize),
    Read,
    Replay,
    StartMove,
    Fence,
    Seal,
    Copy,
    Flip,
    FollowSource,
    FollowTarget,
    CleanUp,
}

struct Reads(Mutation);

fn cell(number: u16) -> CellId {
    CellId::new(number).unwrap()
}

impl World {
    fn log(&self, place: Place) -> &[(Option<Fence>, Option<u8>)] {
        match place {
            Place::Source => &self.source,
            Place::Replica => &self.source[..self.replayed],
            Place::Target => &self.target,
        }
    }

    fn now(&self, place: Place) -> (Option<Fence>, Option<u8>) {
        self.log(place).last().copied().unwrap_or_default()
    }

    fn position(&self, place: Place) -> Option<Position> {
        Some(Position {
            cell: match place {
                Place::Source | Place::Replica => cell(1),
                Place::Target => cell(2),
            },
            epoch: self.now(place).0?.epoch,
            timeline: 1,
            log: self.log(place).len() as u64,
        })
    }

    fn change_source(&mut self, event: FenceEvent) -> Option<()> {
        let (fence, value) = self.now(Place::Source);
        self.source.push((fence::next(fence, event).ok(), value));
        self.now(Place::Source).0.map(drop)
    }

    fn change_target(&mut self, event: FenceEvent, value: Option<u8>) -> Option<()> {
        let (fence, _) = self.now(Place::Target);
        self.target.push((fence::next(fence, event).ok(), value));
        self.now(Place::Target).0.map(drop)
    }

    fn place(&mut self, event: PlacementEvent) -> Option<()> {
        self.directory = placement::next(self.directory, event).ok()?;
        self.answers.push(self.directory);
        Some(())
    }

    fn the_move(&self) -> Move {
        Move::of(self.answers[0], cell(2))
    }

    fn write(&mut self, answer: usize) -> Option<()> {
        let route = self.answers[answer];
        let place = if route.cell == cell(1) {
            Place::Source
        } else {
            Place::Target
        };
        let (fence, _) = self.now(place);
        admits_write(fence, route.epoch).ok()?;
        self.client.writes = self.client.writes.checked_sub(1)?;
        self.client.known += 1;
        let entry = (fence, Some(self.client.known));
        match place {
            Place::Target => self.target.push(entry),
            _ => self.source.push(entry),
        }
        self.client.seen = self.position(place);
        Some(())
    }

    fn copy(&mut self) -> Option<()> {
        let (source, value) = self.now(Place::Source);
        let lifecycle = source
            .filter(|fence| fence.state == FenceState::Sealed)?
            .lifecycle;
        let epoch = self.the_move().reserved().ok()?;
        self.change_target(FenceEvent::Receive { lifecycle, epoch }, value)?;
        self.change_target(FenceEvent::Complete, value)
    }

    fn read(&mut self) -> Option<()> {
        let Reader { place, known } = self.reader.take()?;
        let Some(value) = self.now(place).1 else {
            self.emptied = true;
            return Some(());
        };
        self.older |= value < known;
        if value >= self.client.known {
            self.client.known = value;
            self.client.seen = self.position(place);
        }
        Some(())
    }
}

impl Reads {
    fn begin(&self, world: &mut World, place: Place, answer: usize) -> Option<()> {
        world.client.reads = world.client.reads.checked_sub(1)?;
        let route = world.answers[answer];
        let (fence, _) = world.now(place);
        let here = world.position(place)?;
        if route.cell != here.cell || world.reader.is_some() {
            return None;
        }
        admits_read(fence, route.epoch).ok()?;
        if world
            .client
            .seen
            .is_some_and(|seen| !self.covers(here, seen))
        {
            return None;
        }
        let known = world.client.known;
        world.reader = Some(Reader { place, known });
        Some(())
    }

    fn covers(&self, here: Position, seen: Position) -> bool {
        match self.0 {
            Mutation::ReadWithoutToken => true,
            Mutation::TokenWithoutLog => here.epoch >= seen.epoch,
            _ => here.covers(seen),
        }
    }

    fn clean_up(&self, world: &mut World) -> Option<()> {
        let (left, value) = world.now(Place::Source);
        left.filter(|fence| fence.state == FenceState::Gone)?;
        value?;
        let replica = world.now(Place::Replica).0;
        if self.0 != Mutation::CleanUpBeforeTheReplica && replica != left {
            return None;
        }
        let read = (world.reader).is_some_and(|reader| reader.place != Place::Target);
        if self.0 != Mutation::CleanUpUnderReaders && read {
            return None;
        }
        world.source.push((left, None));
        Some(())
    }
}

impl Model for Reads {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let (lifecycle, epoch) = (Lifecycle::Active, Epoch::FIRST);
        let directory = Placement::new(cell(1), lifecycle, epoch);
        let fence = fence::next(None, FenceEvent::Create { lifecycle, epoch }).ok();
        vec![World {
            directory,
            answers: vec![directory],
            source: vec![(fence, Some(0))],
            replayed: 1,
            target: Log::new(),
            client: Client {
                writes: WRITES,
                reads: READS,
                seen: None,
                known: 0,
            },
            reader: None,
            emptied: false,
            older: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        use Action::{
            Begin, CleanUp, Copy, Fence, Flip, FollowSource, FollowTarget, Read, Replay, Seal,
            StartMove, Write,
        };
        actions.extend([Read, Replay, StartMove, Fence, Seal, Copy, Flip]);
        actions.extend([FollowSource, FollowTarget, CleanUp]);
        for answer in 0..world.answers.len() {
            actions.push(Write(answer));
            let places = [Place::Source, Place::Replica, Place::Target];
            actions.extend(places.map(|place| Begin(place, answer)));
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Write(answer) => next.write(answer)?,
            Action::Begin(place, answer) => self.begin(&mut next, place, answer)?,
            Action::Read => next.read()?,
            Action::Replay if next.replayed < next.source.len() => next.replayed += 1,
            Action::Replay => return None,
            Action::StartMove if next.directory == next.answers[0] => {
                next.place(PlacementEvent::StartMove(next.the_move()))?;
            }
            Action::StartMove => return None,
            Action::Fence if next.directory.moving => {
                let until = UnixMicros::new(1);
                next.change_source(FenceEvent::Set { until })?;
            }
            Action::Fence => return None,
            Action::Seal => next.change_source(FenceEvent::Seal)?,
            Action::Copy => next.copy()?,
            Action::Flip => {
                let ready = next.now(Place::Target).0?;
                next.place(PlacementEvent::Flip(next.the_move()))
                    .filter(|()| ready.state == FenceState::Ready)?;
            }
            Action::FollowSource => {
                let (fence, _) = next.now(Place::Source);
                let served = next.now(Place::Target).0?.state == FenceState::Active;
                let event = follow(fence, cell(1), next.directory).filter(|_| served)?;
                next.change_source(event)?;
            }
            Action::FollowTarget => {
                let (fence, value) = next.now(Place::Target);
                let event = follow(fence, cell(2), next.directory)?;
                next.change_target(event, value)?;
            }
            Action::CleanUp => self.clean_up(&mut next)?,
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NOT_EMPTIED, |_, world: &World| !world.emptied),
            Property::always(NOT_OLDER, |_, world: &World| !world.older),
            Property::sometimes("the replica is read", |_, world: &World| {
                (world.reader).is_some_and(|reader| reader.place == Place::Replica)
                    && world.client.known > 0
            }),
            Property::sometimes("reads go on under the seal", |_, world: &World| {
                let sealed = world.now(Place::Source).0.map(|fence| fence.state);
                world.reader.is_some() && sealed == Some(FenceState::Sealed)
            }),
            Property::sometimes("the source is emptied", |_, world: &World| {
                world.now(Place::Source).1.is_none() && world.client.reads == 0
            }),
        ]
    }
}

const NOT_EMPTIED: &str = "I7: no read returns an emptied tenant";
const NOT_OLDER: &str = "I7: no read returns less than its token has seen";

#[test]
fn reads_go_on_during_a_move_and_never_go_back() {
    let checked = Reads(Mutation::None).checker().spawn_bfs().join();
    checked.assert_properties();
    assert!(checked.unique_state_count() > 1_000);
}

#[track_caller]
fn check_noticed(mutation: Mutation, property: &'static str) {
    let checked = Reads(mutation)
        .checker()
        .finish_when(HasDiscoveries::AnyOf(BTreeSet::from([property])))
        .spawn_bfs()
        .join();
    assert!(
        checked.discovery(property).is_some(),
        "{mutation:?} was not noticed"
    );
}

#[test]
fn reads_without_a_token_go_back() {
    check_noticed(Mutation::ReadWithoutToken, NOT_OLDER);
}

#[test]
fn a_token_without_the_place_in_the_log_goes_back() {
    check_noticed(Mutation::TokenWithoutLog, NOT_OLDER);
}

#[test]
fn a_clean_up_that_does_not_wait_for_the_replica_empties_a_served_tenant() {
    check_noticed(Mutation::CleanUpBeforeTheReplica, NOT_EMPTIED);
}

#[test]
fn a_clean_up_under_a_reader_empties_its_tenant() {
    check_noticed(Mutation::CleanUpUnderReaders, NOT_EMPTIED);
}
