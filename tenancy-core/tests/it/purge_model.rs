//! A model of purges: all interleavings of two purgers that may stop anywhere and go on much later, of
//! somebody who undoes the leaving, and of a fence that lags behind the directory. It decides nothing by
//! itself: placements, fences and admissions come from the protocol's own tables.

use stateright::{Checker as _, Model, Property};
use tenancy_core::protocol::{
    Fence, FenceEvent, FenceState, PlacementEvent, admits_write, fence, placement,
};
use tenancy_types::{CellId, Epoch, Lifecycle, Placement};

/// How many rows the tenant has, and how often somebody changes its lifecycle beside the purgers.
const ROWS: u8 = 2;
const CHANGES: u8 = 4;

/// What is done wrongly, to see that the model notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutation {
    None,
    /// There is no lifecycle for it: rows are deleted while the tenant is offboarding.
    DeleteWhileOffboarding,
    /// An undo believes what it read, and writes without comparing.
    UndoWithoutComparing,
    /// The rows' door does not ask at which epoch a purger was let in.
    FenceIgnoresTheEpoch,
    /// The rows' door asks the fence, and the rows are deleted some time later.
    CheckedAndThenWritten,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    directory: Placement,
    fence: Fence,
    rows: u8,
    purgers: [Purger; 2],
    /// What somebody who wants to undo has read: the epoch of the leaving tenant.
    undo: Option<Epoch>,
    changes: u8,
}

/// Knows the epoch at which it was let in, and nothing of what has happened since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Purger {
    Idle,
    /// Has read that the tenant is leaving, or suspended and to be filled again.
    Saw(Epoch),
    Purging(Epoch),
    /// Was let in by the fence, and has not deleted yet.
    Checked(Epoch),
    /// Fills the emptied tenant from an archive.
    Filling(Epoch),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    See(usize),
    Begin(usize),
    /// A step of its own only where deleting does not ask.
    Check(usize),
    Delete(usize),
    Retract(usize),
    Refill(usize),
    Insert(usize),
    Serve(usize),
    /// The purger is lost; another goes on from what the directory says.
    Lose(usize),
    TakeOver(usize),
    SeeToUndo,
    Undo,
    /// Somebody suspends, offboards or resumes.
    Change(Lifecycle),
    /// Somebody writes the directory's answer to the fence.
    Fence,
}

struct Purges(Mutation);

impl World {
    fn fenced(&self) -> Option<Fence> {
        let Placement {
            lifecycle, epoch, ..
        } = self.directory;
        fence::next(Some(self.fence), FenceEvent::Lifecycle { lifecycle, epoch }).ok()
    }

    /// Compares with what the caller has seen, and sets.
    fn set(&mut self, seen: Epoch, to: Lifecycle) -> Option<Epoch> {
        if self.directory.epoch != seen {
            return None;
        }
        self.directory = placement::next(self.directory, PlacementEvent::Lifecycle(to)).ok()?;
        Some(self.directory.epoch)
    }

    fn is_served(&self) -> bool {
        self.directory.lifecycle == Lifecycle::Active
            && self.fence.lifecycle == Lifecycle::Active
            && self.fence.epoch == self.directory.epoch
    }
}

impl Purges {
    fn admits(&self, fence: Fence, epoch: Epoch) -> bool {
        let leaving = fence.lifecycle == Lifecycle::Offboarding && fence.epoch == epoch;
        match self.0 {
            Mutation::FenceIgnoresTheEpoch => admits_write(Some(fence), fence.epoch).is_ok(),
            Mutation::DeleteWhileOffboarding if leaving => true,
            _ => admits_write(Some(fence), epoch).is_ok(),
        }
    }

    fn undo(&self, world: &mut World, seen: Epoch) {
        if self.0 == Mutation::UndoWithoutComparing {
            let epoch = world.directory.epoch.next().unwrap();
            world.directory = Placement::new(world.directory.cell, Lifecycle::Suspended, epoch);
        } else {
            world.set(seen, Lifecycle::Suspended);
        }
    }

    fn purger_actions(&self, world: &World, at: usize, actions: &mut Vec<Action>) {
        let lifecycle = world.directory.lifecycle;
        match world.purgers[at] {
            Purger::Idle => match lifecycle {
                Lifecycle::Offboarding | Lifecycle::Suspended => actions.push(Action::See(at)),
                Lifecycle::Purging | Lifecycle::Provisioning => actions.push(Action::TakeOver(at)),
                _ => {}
            },
            Purger::Saw(_) => actions.push(Action::Begin(at)),
            Purger::Purging(epoch) if self.admits(world.fence, epoch) => {
                if world.rows > 0 {
                    actions.push(match self.0 {
                        Mutation::CheckedAndThenWritten => Action::Check(at),
                        _ => Action::Delete(at),
                    });
                } else {
                    actions.extend([Action::Retract(at), Action::Refill(at)]);
                }
            }
            Purger::Filling(epoch) if self.admits(world.fence, epoch) => {
                if world.rows < ROWS {
                    actions.push(Action::Insert(at));
                } else {
                    actions.push(Action::Serve(at));
                }
            }
            Purger::Checked(_) if world.rows > 0 => actions.push(Action::Delete(at)),
            Purger::Purging(_) | Purger::Checked(_) | Purger::Filling(_) => {}
        }
        if world.purgers[at] != Purger::Idle {
            actions.push(Action::Lose(at));
        }
    }
}

impl Model for Purges {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let lifecycle = Lifecycle::Offboarding;
        vec![World {
            directory: Placement::new(CellId::new(1).unwrap(), lifecycle, Epoch::FIRST),
            fence: Fence {
                state: FenceState::Active,
                lifecycle,
                epoch: Epoch::FIRST,
            },
            rows: ROWS,
            purgers: [Purger::Idle; 2],
            undo: None,
            changes: 0,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for at in 0..world.purgers.len() {
            self.purger_actions(world, at, actions);
        }
        if world.undo.is_some() {
            actions.push(Action::Undo);
        } else if world.directory.lifecycle == Lifecycle::Offboarding && world.changes < CHANGES {
            actions.push(Action::SeeToUndo);
        }
        let changes: &[Lifecycle] = match world.directory.lifecycle {
            Lifecycle::Suspended => &[Lifecycle::Active, Lifecycle::Offboarding],
            Lifecycle::Active => &[Lifecycle::Suspended],
            _ => &[],
        };
        if world.changes < CHANGES {
            actions.extend(changes.iter().copied().map(Action::Change));
        }
        if world.fenced().is_some() {
            actions.push(Action::Fence);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::See(at) => next.purgers[at] = Purger::Saw(world.directory.epoch),
            Action::Begin(at) => {
                let Purger::Saw(seen) = world.purgers[at] else {
                    return None;
                };
                let begun = if self.0 == Mutation::DeleteWhileOffboarding {
                    Some(seen)
                } else {
                    next.set(seen, Lifecycle::Purging)
                };
                next.purgers[at] = begun.map_or(Purger::Idle, Purger::Purging);
            }
            Action::Check(at) => {
                if let Purger::Purging(epoch) = world.purgers[at] {
                    next.purgers[at] = Purger::Checked(epoch);
                }
            }
            Action::Delete(at) => {
                next.rows -= 1;
                if let Purger::Checked(epoch) = world.purgers[at] {
                    next.purgers[at] = Purger::Purging(epoch);
                }
            }
            Action::Insert(_) => next.rows += 1,
            Action::Retract(at) => {
                if let Purger::Purging(epoch) = world.purgers[at] {
                    next.set(epoch, Lifecycle::Gone);
                }
                next.purgers[at] = Purger::Idle;
            }
            Action::Refill(at) => {
                let Purger::Purging(epoch) = world.purgers[at] else {
                    return None;
                };
                let begun = next.set(epoch, Lifecycle::Provisioning);
                next.purgers[at] = begun.map_or(Purger::Idle, Purger::Filling);
            }
            Action::Serve(at) => {
                if let Purger::Filling(epoch) = world.purgers[at] {
                    next.set(epoch, Lifecycle::Active);
                    next.changes += 1;
                }
                next.purgers[at] = Purger::Idle;
            }
            Action::Lose(at) => next.purgers[at] = Purger::Idle,
            Action::TakeOver(at) => {
                let epoch = world.directory.epoch;
                next.purgers[at] = match world.directory.lifecycle {
                    Lifecycle::Purging => Purger::Purging(epoch),
                    _ => Purger::Filling(epoch),
                };
            }
            Action::SeeToUndo => {
                next.undo = Some(world.directory.epoch);
                next.changes += 1;
            }
            Action::Undo => self.undo(&mut next, world.undo?),
            Action::Change(to) => {
                next.set(world.directory.epoch, to)?;
                next.changes += 1;
            }
            Action::Fence => next.fence = world.fenced()?,
        }
        if action == Action::Undo {
            next.undo = None;
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(WHOLE, |_, world: &World| {
                !world.is_served() || world.rows == ROWS
            }),
            Property::always("whoever is gone has left no row", |_, world: &World| {
                world.directory.lifecycle != Lifecycle::Gone || world.rows == 0
            }),
            Property::sometimes("a purge ends", |_, world: &World| {
                world.fence.lifecycle == Lifecycle::Gone
            }),
            Property::sometimes("an undo is in time", |_, world: &World| {
                world.is_served() && world.directory.epoch == Epoch::new(0, 3)
            }),
            Property::sometimes("a purge and an undo meet", |_, world: &World| {
                world.undo.is_some() && world.directory.lifecycle == Lifecycle::Purging
            }),
            Property::sometimes("an emptied tenant is filled again", |_, world: &World| {
                world.is_served()
                    && (world.purgers.iter()).any(|purger| matches!(purger, Purger::Purging(_)))
            }),
        ]
    }
}

const WHOLE: &str = "whoever is served has all its rows";

#[test]
fn a_purge_and_an_undo_do_not_harm_each_other() {
    let checked = Purges(Mutation::None).checker().spawn_bfs().join();
    checked.assert_properties();
    assert!(
        checked.unique_state_count() > 1_000,
        "{}",
        checked.unique_state_count()
    );
}

/// The mutation serves a tenant that has lost rows: after these actions, for one.
#[track_caller]
fn check_noticed(mutation: Mutation, actions: &[Action]) {
    let checked = Purges(mutation).checker().spawn_bfs().join();
    checked.assert_discovery(WHOLE, actions.to_vec());
}

#[test]
fn deleting_while_the_tenant_can_still_come_back_loses() {
    use Action::{Begin, Change, Delete, Fence, See, SeeToUndo, Undo};
    let actions = [
        See(0),
        Begin(0),
        Delete(0),
        SeeToUndo,
        Undo,
        Change(Lifecycle::Active),
        Fence,
    ];
    check_noticed(Mutation::DeleteWhileOffboarding, &actions);
}

#[test]
fn an_undo_that_does_not_compare_loses() {
    use Action::{Begin, Change, Delete, Fence, See, SeeToUndo, Undo};
    let actions = [
        See(0),
        SeeToUndo,
        Begin(0),
        Fence,
        Delete(0),
        Undo,
        Change(Lifecycle::Active),
        Fence,
    ];
    check_noticed(Mutation::UndoWithoutComparing, &actions);
}

#[test]
fn a_purger_that_wakes_up_late_loses_where_the_fence_ignores_the_epoch() {
    use Action::{Begin, Delete, Fence, Insert, Refill, See, Serve, TakeOver};
    let actions = [
        See(0),
        Begin(0),
        Fence,
        TakeOver(1),
        Delete(0),
        Delete(0),
        Refill(0),
        Fence,
        Insert(0),
        Insert(0),
        Serve(0),
        Fence,
        Delete(1),
    ];
    check_noticed(Mutation::FenceIgnoresTheEpoch, &actions);
}

/// What a database does on which an open writer survives a change of the fence.
#[test]
fn a_purger_that_was_checked_and_writes_later_loses() {
    use Action::{Begin, Check, Delete, Fence, Insert, Refill, See, Serve, TakeOver};
    let actions = [
        See(0),
        Begin(0),
        Fence,
        TakeOver(1),
        Check(1),
        Check(0),
        Delete(0),
        Check(0),
        Delete(0),
        Refill(0),
        Fence,
        Insert(0),
        Insert(0),
        Serve(0),
        Fence,
        Delete(1),
    ];
    check_noticed(Mutation::CheckedAndThenWritten, &actions);
}
