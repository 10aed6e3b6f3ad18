//! A model of lifecycle changes: all interleavings of an operator that may crash between the directory and
//! the fence, somebody who finishes its work, and writers whose routes lag behind. It decides nothing by
//! itself: placements, fences and admissions come from the protocol's own tables.

use stateright::{Checker as _, Model, Property};
use tenancy_core::protocol::{
    Fence, FenceEvent, FenceState, PlacementEvent, admits_write, fence, placement,
};
use tenancy_types::{CellId, Epoch, Lifecycle, Placement};

/// How often the operator changes the lifecycle, and how many writers are admitted.
const CHANGES: u8 = 4;
const WRITERS: u8 = 4;

/// What is done wrongly, to see that the model notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutation {
    None,
    AcknowledgeBeforeTheFence,
    FenceIgnoresTheEpoch,
    ResumeKeepsTheEpoch,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    directory: Placement,
    fence: Fence,
    operator: Operator,
    /// How many changes the directory has seen.
    version: u8,
    /// What the entry layer knows: a placement, and of which version.
    routes: (Placement, u8),
    /// A request that was let in and has not written yet: its epoch and the version it was let in at.
    writer: Option<(Epoch, u8)>,
    writers: u8,
    /// The version of the last suspension that was acknowledged.
    suspended: u8,
    /// Whether the epoch stayed or fell at a change.
    epoch_stood: bool,
    /// Whether a write of before a suspension was committed after its acknowledgement.
    late_write: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operator {
    Idle,
    WroteDirectory,
    WroteFence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// The operator suspends or resumes: the directory first.
    Change(Lifecycle),
    WriteFence,
    Acknowledge,
    Crash,
    /// Somebody finds that the rows disagree and writes the directory's answer to the fence.
    Finish,
    /// The routes catch up.
    Follow,
    Admit,
    Write,
}

struct Lifecycles(Mutation);

impl World {
    /// The fence with the directory's lifecycle, if the table allows.
    fn fenced(&self) -> Option<Fence> {
        let Placement {
            lifecycle, epoch, ..
        } = self.directory;
        fence::next(Some(self.fence), FenceEvent::Lifecycle { lifecycle, epoch }).ok()
    }

    fn agrees(&self) -> bool {
        self.fence.epoch == self.directory.epoch && self.fence.lifecycle == self.directory.lifecycle
    }

    fn acknowledge(&mut self) {
        if self.directory.lifecycle == Lifecycle::Suspended {
            self.suspended = self.version;
        }
    }
}

impl Lifecycles {
    fn change(&self, world: &World, to: Lifecycle) -> Option<Placement> {
        let mut after = placement::next(world.directory, PlacementEvent::Lifecycle(to)).ok()?;
        if self.0 == Mutation::ResumeKeepsTheEpoch && to == Lifecycle::Active {
            after.epoch = world.directory.epoch;
        }
        Some(after)
    }

    fn admits(&self, fence: Fence, epoch: Epoch) -> bool {
        let epoch = match self.0 {
            Mutation::FenceIgnoresTheEpoch => fence.epoch,
            _ => epoch,
        };
        admits_write(Some(fence), epoch).is_ok()
    }
}

impl Model for Lifecycles {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let cell = CellId::new(1).unwrap();
        let directory = Placement::new(cell, Lifecycle::Active, Epoch::FIRST);
        vec![World {
            directory,
            fence: Fence {
                state: FenceState::Active,
                lifecycle: Lifecycle::Active,
                epoch: Epoch::FIRST,
            },
            operator: Operator::Idle,
            version: 0,
            routes: (directory, 0),
            writer: None,
            writers: 0,
            suspended: 0,
            epoch_stood: false,
            late_write: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        match world.operator {
            Operator::Idle => {
                for to in [Lifecycle::Active, Lifecycle::Suspended] {
                    // A next change is made by whoever has seen the last one through.
                    if world.version < CHANGES && world.agrees() && self.change(world, to).is_some()
                    {
                        actions.push(Action::Change(to));
                    }
                }
                if !world.agrees() && world.fenced().is_some() {
                    actions.push(Action::Finish);
                }
            }
            Operator::WroteDirectory => {
                actions.push(Action::Crash);
                if world.fenced().is_some() {
                    actions.push(Action::WriteFence);
                }
            }
            Operator::WroteFence => actions.extend([Action::Acknowledge, Action::Crash]),
        }
        if world.routes.1 < world.version {
            actions.push(Action::Follow);
        }
        if world.writer.is_some() {
            actions.push(Action::Write);
        } else if world.writers < WRITERS && world.routes.0.lifecycle == Lifecycle::Active {
            actions.push(Action::Admit);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Change(to) => {
                next.directory = self.change(world, to)?;
                next.epoch_stood |= next.directory.epoch <= world.directory.epoch;
                next.version += 1;
                next.operator = Operator::WroteDirectory;
                if self.0 == Mutation::AcknowledgeBeforeTheFence {
                    next.acknowledge();
                }
            }
            Action::WriteFence => {
                next.fence = world.fenced()?;
                next.operator = Operator::WroteFence;
            }
            Action::Acknowledge => {
                next.acknowledge();
                next.operator = Operator::Idle;
            }
            Action::Crash => next.operator = Operator::Idle,
            Action::Finish => {
                next.fence = world.fenced()?;
                next.acknowledge();
            }
            Action::Follow => next.routes = (world.directory, world.version),
            Action::Admit => {
                next.writer = Some((world.routes.0.epoch, world.routes.1));
                next.writers += 1;
            }
            Action::Write => {
                let (epoch, version) = next.writer.take()?;
                next.late_write |= self.admits(world.fence, epoch) && version < world.suspended;
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_LATE_WRITE, |_, world: &World| !world.late_write),
            Property::always(EPOCHS_GROW, |_, world: &World| !world.epoch_stood),
            // The model has no endless path, so what cannot go on is where every crash leads.
            Property::always(ENDS_AGREE, |model, world: &World| {
                let mut actions = Vec::new();
                Model::actions(model, world, &mut actions);
                !actions.is_empty() || world.agrees()
            }),
            Property::sometimes("a write is committed after a resume", |_, world: &World| {
                world.version >= 2
                    && world.fence.lifecycle == Lifecycle::Active
                    && world
                        .writer
                        .is_some_and(|(epoch, _)| admits_write(Some(world.fence), epoch).is_ok())
            }),
        ]
    }
}

const NO_LATE_WRITE: &str =
    "no write of before a suspension is committed after its acknowledgement";
const EPOCHS_GROW: &str = "epochs grow";
const ENDS_AGREE: &str = "every crash leads to agreement";

#[test]
fn lifecycle_changes_hold_under_crashes() {
    let checked = Lifecycles(Mutation::None).checker().spawn_bfs().join();
    checked.assert_properties();
    assert!(
        checked.unique_state_count() > 1_000,
        "{}",
        checked.unique_state_count()
    );
}

/// The mutation is noticed by this property.
#[track_caller]
fn check_noticed(mutation: Mutation, property: &'static str) {
    let checked = Lifecycles(mutation).checker().spawn_bfs().join();
    assert!(
        checked.discovery(property).is_some(),
        "{mutation:?} was not noticed"
    );
}

#[test]
fn acknowledging_before_the_fence_loses() {
    check_noticed(Mutation::AcknowledgeBeforeTheFence, NO_LATE_WRITE);
}

#[test]
fn a_fence_that_ignores_the_epoch_loses() {
    check_noticed(Mutation::FenceIgnoresTheEpoch, NO_LATE_WRITE);
}

#[test]
fn resuming_without_a_new_epoch_loses() {
    check_noticed(Mutation::ResumeKeepsTheEpoch, EPOCHS_GROW);
    check_noticed(Mutation::ResumeKeepsTheEpoch, ENDS_AGREE);
}
