//! A model of moves: who owns a tenant, whatever happens in between. It decides nothing by itself:
//! placements, fences, admissions, movers and what a restored database does come from the protocol's own
//! tables.
//!
//! All interleavings, within the bounds of each test, of
//!
//! - a mover that stops at any step, another one that takes the move over, and the first one waking up again;
//! - writers that lock, read the fence and commit, each as a step of its own;
//! - cells that restart, lift a fence at its deadline, and are restored from an old backup;
//! - anybody who writes the directory's answer to a cell, where the answer was read at any earlier time;
//! - a directory that is restored from an old backup, and a lifecycle that changes between moves.
//!
//! Writers stand for all that may come to a cell: one may begin at any time with any placement that the directory ever had.
//! Such a request was routed by a stale table, or was late, was sent twice, or was overtaken.
//!
//! What becomes of single requests is modelled besides, in bounds of their own (`requests`): gateways and cells whose routes
//! are as old as it pleases them, hints that arrive late, or are played again, or are made up, one second try, and writes that
//! wait while their tenant is fenced. A write and its commit are one step, as nobody sees a write before it. A
//! mover's transaction is one step, as it holds the lock of its row from the check to the commit.
//!
//! There is one value of a tenant, the number of the last write that was committed; a copy takes it over. So
//! a lost write is a smaller number. What is restored from a backup may lose the writes of its owner since
//! that backup, and nothing else.

mod driver;
mod requests;
mod world;

use std::collections::BTreeSet;

use stateright::{Checker as _, HasDiscoveries, Model, Property};
use tenancy_types::Lifecycle;

use world::{Bounds, World};

/// What is done wrongly, to see that the model notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutation {
    None,
    /// The tail is copied while writers of before the fence are still open.
    NoDrain,
    /// A restarted cell does not know that it had been fenced or sealed.
    FenceInMemory,
    /// The target is published first, and the tail copied then.
    PublishBeforeCopy,
    /// A sealed fence lifts itself as a set one does.
    SealExpires,
    /// The source goes on, and the target is not told.
    AbortWithoutRevoking,
    /// The directory keeps its epoch when a move is given up.
    AbortKeepsTheEpoch,
    /// A mover fences whatever it finds, also when its move was given up.
    FenceAtAnyEpoch,
    /// Rows are written to the target by whoever was its mover once.
    ApplyWithoutToken,
    /// A worker writes rows without asking.
    WorkerOutsideTheGuard,
    /// The flip makes the tenant active.
    FlipUnsuspends,
    /// The guard reads the fence in a snapshot of before its lock.
    StableGuard,
    /// A restored cell serves at once.
    RestoredCellServes,
    /// A restored cell believes the directory, also in the middle of a move.
    RestoredCellIsNotFrozen,
    /// A target is activated because the directory names it, and not because it has every row.
    ActivateHalfACopy,
    /// A target is activated by whoever once read that it was to be.
    ActivateAtAnyEpoch,
    /// A restored directory goes on from its backup.
    RestoredDirectoryIssues,
    /// A restored directory asks the fences, and publishes before the other cells know.
    RestoredDirectoryPublishesFirst,
    /// A gateway applies a hint, however old it is.
    HintAtAnyEpoch,
    /// A gateway believes a hint of a cell that it did not ask.
    HintOfAnyCell,
    /// A write that waited is carried out where it waited, whoever owns the tenant.
    ReleasePastTheGuard,
    /// A cell says that a request came to the wrong place when half of it was done.
    MisdirectedHalfWay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// A mover begins a move, or takes one over.
    Start(usize),
    TakeOver(usize),
    Step(usize),
    /// It gives the move up, or lifts the fence to try again.
    GiveUp(usize),
    Release(usize),
    /// It is never heard of again.
    Stop(usize),
    /// Somebody writes an answer of the directory, the `.1`th it gave, to a cell.
    Follow(usize, usize),
    CleanUp(usize),
    /// A request arrives that was routed by the `.0`th placement.
    Begin(usize),
    /// The guard's second half.
    Enter(usize),
    Commit(usize),
    /// A background job writes without the guard.
    Work(usize),
    Expire(usize),
    Restart(usize),
    BackUp(usize),
    Restore(usize),
    BackUpDirectory,
    RestoreDirectory,
    Change(Lifecycle),
    /// A request comes to a gateway.
    Ask(usize),
    /// It comes to the cell.
    Arrive(usize),
    /// Behind its first transaction it opens another one.
    GoOn(usize),
    /// A cell's 421 comes to the gateway.
    Redirect(usize),
    /// One that waits is sent: the gateway knows a newer epoch, or it tries.
    Unpark(usize),
    Probe(usize),
    /// A gateway, or a cell, learns what the directory said.
    Hear(usize, usize),
    Look(usize, usize),
    /// The `.0`th hint arrives once more.
    Replay(usize),
    /// A cell that was not asked makes up a hint.
    Lie(usize),
}

struct Ownership {
    bounds: Bounds,
    lifecycle: Lifecycle,
    mutation: Mutation,
}

impl Model for Ownership {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.bounds, self.lifecycle)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.progress(world, actions);
        let left = world.left;
        let mut add = |bound: u8, action: Action| {
            if bound > 0 {
                actions.push(action);
            }
        };
        for at in 0..world.drivers.len() {
            add(left.moves, Action::Start(at));
            add(left.take_overs, Action::Stop(at));
            add(left.fencings, Action::Release(at));
        }
        for at in 0..world.cells.len() {
            add(left.workers, Action::Work(at));
            add(left.expiries, Action::Expire(at));
            add(left.restarts, Action::Restart(at));
            add(left.backups, Action::BackUp(at));
            add(u8::from(world.has_backup(at)), Action::Restore(at));
        }
        for answer in 0..world.answers.len() {
            add(left.writers, Action::Begin(answer));
        }
        add(left.directory_backups, Action::BackUpDirectory);
        add(
            u8::from(world.directory_backup.is_some()),
            Action::RestoreDirectory,
        );
        for to in [Lifecycle::Active, Lifecycle::Suspended] {
            add(left.changes, Action::Change(to));
        }
        world.offer(actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Start(by) => next.start(by)?,
            Action::TakeOver(by) => next.take_over(by)?,
            Action::Step(by) => next.step(by, self.mutation)?,
            Action::GiveUp(by) => next.give_up(by, self.mutation)?,
            Action::Release(by) => next.release(by)?,
            Action::Stop(by) => next.stop(by)?,
            Action::Follow(at, answer) => next.follow(at, answer, self.mutation)?,
            Action::CleanUp(at) => next.clean_up(at)?,
            Action::Begin(answer) => next.begin(answer, self.mutation)?,
            Action::Enter(writer) => next.enter(writer, self.mutation)?,
            Action::Commit(writer) => next.commit(writer)?,
            Action::Work(at) if self.mutation == Mutation::WorkerOutsideTheGuard => {
                next.work(at)?;
            }
            Action::Work(_) => return None,
            Action::Expire(at) => next.expire(at, self.mutation)?,
            Action::Restart(at) => next.restart(at)?,
            Action::BackUp(at) => next.back_up(at)?,
            Action::Restore(at) => next.restore(at, self.mutation)?,
            Action::BackUpDirectory => next.back_up_directory()?,
            Action::RestoreDirectory => next.restore_directory(self.mutation)?,
            Action::Change(to) => next.change(to)?,
            Action::Ask(at) => next.ask(at)?,
            Action::Arrive(at) => next.arrive(at)?,
            Action::GoOn(at) => next.go_on(at, self.mutation)?,
            Action::Redirect(at) => next.redirect(at, self.mutation)?,
            Action::Unpark(at) => next.unpark(at)?,
            Action::Probe(at) => next.probe(at, self.mutation)?,
            Action::Hear(at, answer) => next.hear(at, answer)?,
            Action::Look(at, answer) => next.look_up(at, answer)?,
            Action::Replay(at) => next.replay(at, self.mutation)?,
            Action::Lie(at) => next.lie(at, self.mutation)?,
        }
        next.writers.sort_unstable();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(I1, |_, world: &World| world.keeps_every_write()),
            Property::always(I2, |_, world: &World| world.has_one_writing_cell()),
            Property::always(I4, |_, world: &World| !world.epoch_fell),
            Property::always(I5, |model: &Self, world: &World| {
                world.ends_well() || model.goes_on(world)
            }),
            Property::always(I7, |_, world: &World| world.reads_no_emptied_tenant()),
            Property::always(KEPT, |_, world: &World| {
                world.directory.lifecycle == world.lifecycle
            }),
            Property::sometimes(ARRIVES, |_, world: &World| {
                world.ends_well() && world.directory.cell == world::id(1)
            }),
            Property::sometimes(GIVEN_UP, |_, world: &World| {
                world.ends_well()
                    && world.directory.cell == world::id(0)
                    && world.directory.epoch > world.answers[0].epoch
            }),
        ];
        if self.bounds.requests > 0 {
            properties.extend([
                Property::always(ONCE, |_, world: &World| !world.executed_twice),
                Property::always(TOLD, |_, world: &World| world.believes_the_directory()),
                Property::sometimes(FOLLOWS, |_, world: &World| world.has_followed()),
                Property::sometimes(WAITED, |_, world: &World| world.has_waited()),
            ]);
        }
        properties
    }
}

impl Ownership {
    /// What leads to an end, and needs neither a fault nor a new request.
    fn progress(&self, world: &World, actions: &mut Vec<Action>) {
        for (at, driver) in world.drivers.iter().enumerate() {
            if driver.is_running() {
                actions.extend([Action::Step(at), Action::GiveUp(at)]);
            } else if world.left.take_overs > 0 {
                actions.push(Action::TakeOver(at));
            }
        }
        for at in 0..world.cells.len() {
            actions.extend((0..world.answers.len()).map(|answer| Action::Follow(at, answer)));
            actions.push(Action::CleanUp(at));
        }
        for at in 0..world.writers.len() {
            actions.extend([Action::Enter(at), Action::Commit(at)]);
        }
    }

    /// Nothing in the model goes round in a circle, so where nothing goes on is where every crash leads.
    fn goes_on(&self, world: &World) -> bool {
        let mut actions = Vec::new();
        self.progress(world, &mut actions);
        (actions.into_iter()).any(|action| self.next_state(world, action).is_some())
    }
}

const I1: &str = "I1: every acknowledged write is at the owner";
const I2: &str = "I2: two cells never commit writes";
const I4: &str = "I4: epochs grow";
const I5: &str = "I5, I6: every crash leads to one owner with all rows, and none elsewhere";
const I7: &str = "I7: no read returns an emptied tenant";
const ONCE: &str = "no request is carried out twice";
const TOLD: &str = "routes are what the directory said";
const FOLLOWS: &str = "a request follows a tenant that has moved";
const WAITED: &str = "a write that waited is carried out";
const KEPT: &str = "a move keeps the lifecycle";
const ARRIVES: &str = "a move arrives";
const GIVEN_UP: &str = "a move is given up";

/// Each test looks at some faults together; the soak at more of them.
const ONE_MOVER: Bounds = Bounds {
    moves: 1,
    take_overs: 0,
    fencings: 2,
    writers: 3,
    workers: 0,
    expiries: 1,
    restarts: 1,
    backups: 0,
    directory_backups: 0,
    changes: 0,
    gateways: 0,
    requests: 0,
    probes: 0,
    replays: 0,
    lies: 0,
};

const TAKE_OVER: Bounds = Bounds {
    take_overs: 1,
    writers: 1,
    restarts: 0,
    ..ONE_MOVER
};

const RESTORED_CELL: Bounds = Bounds {
    take_overs: 1,
    fencings: 1,
    writers: 1,
    expiries: 0,
    restarts: 0,
    backups: 1,
    ..ONE_MOVER
};

const RESTORED_DIRECTORY: Bounds = Bounds {
    take_overs: 1,
    fencings: 1,
    writers: 1,
    expiries: 0,
    restarts: 0,
    directory_backups: 1,
    ..ONE_MOVER
};

const TWO_MOVES: Bounds = Bounds {
    moves: 2,
    writers: 2,
    restarts: 0,
    ..ONE_MOVER
};

const CHANGES: Bounds = Bounds {
    take_overs: 1,
    fencings: 1,
    writers: 1,
    expiries: 0,
    restarts: 0,
    changes: 2,
    ..ONE_MOVER
};

/// One request, however old the routes are by which it comes.
const GATEWAY: Bounds = Bounds {
    fencings: 1,
    writers: 0,
    restarts: 0,
    expiries: 0,
    gateways: 1,
    requests: 1,
    probes: 1,
    replays: 1,
    lies: 1,
    ..ONE_MOVER
};

/// One that comes by its hint.
const TWO_REQUESTS: Bounds = Bounds {
    requests: 2,
    probes: 0,
    replays: 0,
    lies: 0,
    ..GATEWAY
};

/// A tenant that has moved changes once more.
const GATEWAY_AND_CHANGE: Bounds = Bounds {
    changes: 1,
    probes: 0,
    lies: 0,
    ..GATEWAY
};

const GATEWAY_AND_RESTORED_CELL: Bounds = Bounds {
    backups: 1,
    probes: 0,
    replays: 0,
    lies: 0,
    ..GATEWAY
};

const GATEWAY_AND_RESTORED_DIRECTORY: Bounds = Bounds {
    directory_backups: 1,
    probes: 0,
    replays: 0,
    lies: 0,
    ..GATEWAY
};

/// All properties hold.
#[track_caller]
#[expect(
    clippy::print_stdout,
    reason = "how much was searched is what a long proof is about"
)]
fn check_holds(bounds: Bounds, lifecycle: Lifecycle) {
    let model = Ownership {
        bounds,
        lifecycle,
        mutation: Mutation::None,
    };
    let checked = model.checker().threads(2).spawn_bfs().join();
    let (states, depth) = (checked.unique_state_count(), checked.max_depth());
    println!("{states} states, {depth} deep");
    checked.assert_properties();
    assert!(checked.unique_state_count() > 1_000);
}

/// The mutation breaks this property, which holds in the same bounds without it.
#[track_caller]
fn check_noticed(mutation: Mutation, property: &'static str, bounds: Bounds) {
    check_found(mutation, property, bounds, Lifecycle::Active);
}

#[track_caller]
fn check_found(mutation: Mutation, property: &'static str, bounds: Bounds, lifecycle: Lifecycle) {
    let model = Ownership {
        bounds,
        lifecycle,
        mutation,
    };
    let found = model
        .checker()
        .finish_when(HasDiscoveries::AnyOf(BTreeSet::from([property])))
        .spawn_bfs()
        .join();
    assert!(
        found.discovery(property).is_some(),
        "{mutation:?} was not noticed"
    );
}

#[test]
fn one_mover_and_three_writers() {
    check_holds(ONE_MOVER, Lifecycle::Active);
}

#[test]
fn a_mover_that_wakes_up_after_it_was_taken_over() {
    check_holds(TAKE_OVER, Lifecycle::Active);
}

#[test]
fn a_cell_that_was_restored() {
    check_holds(RESTORED_CELL, Lifecycle::Active);
}

#[test]
fn a_directory_that_was_restored() {
    check_holds(RESTORED_DIRECTORY, Lifecycle::Active);
}

#[test]
fn a_tenant_that_comes_back() {
    check_holds(TWO_MOVES, Lifecycle::Active);
}

#[test]
fn lifecycles_that_change_between_moves() {
    check_holds(CHANGES, Lifecycle::Active);
}

#[test]
fn a_suspended_tenant_that_is_resumed_between_moves() {
    check_holds(CHANGES, Lifecycle::Suspended);
}

#[test]
fn without_a_drain_two_cells_write() {
    check_noticed(Mutation::NoDrain, I2, ONE_MOVER);
    check_noticed(Mutation::NoDrain, I1, ONE_MOVER);
}

#[test]
fn a_fence_in_memory_lets_two_cells_write() {
    check_noticed(Mutation::FenceInMemory, I2, ONE_MOVER);
}

#[test]
fn publishing_before_the_copy_loses() {
    check_noticed(Mutation::PublishBeforeCopy, I1, ONE_MOVER);
    check_noticed(Mutation::PublishBeforeCopy, I7, ONE_MOVER);
}

#[test]
fn a_seal_that_a_timer_lifts_lets_two_cells_write() {
    check_noticed(Mutation::SealExpires, I2, ONE_MOVER);
}

#[test]
fn a_target_that_is_not_revoked_stays_behind() {
    check_noticed(Mutation::AbortWithoutRevoking, I5, ONE_MOVER);
}

#[test]
fn a_mover_that_fences_after_its_move_was_given_up_blocks_the_tenant() {
    check_noticed(Mutation::FenceAtAnyEpoch, I5, TAKE_OVER);
}

#[test]
fn an_abort_without_an_epoch_of_its_own_is_noticed() {
    check_noticed(Mutation::AbortKeepsTheEpoch, I4, ONE_MOVER);
}

#[test]
fn rows_from_a_mover_that_was_taken_over_lose() {
    check_noticed(Mutation::ApplyWithoutToken, I1, TAKE_OVER);
}

#[test]
fn a_worker_outside_the_guard_loses() {
    let bounds = Bounds {
        workers: 1,
        ..ONE_MOVER
    };
    check_noticed(Mutation::WorkerOutsideTheGuard, I1, bounds);
}

#[test]
fn a_flip_that_unsuspends_is_noticed() {
    check_found(
        Mutation::FlipUnsuspends,
        KEPT,
        ONE_MOVER,
        Lifecycle::Suspended,
    );
}

#[test]
fn a_guard_that_reads_before_it_locks_lets_two_cells_write() {
    check_noticed(Mutation::StableGuard, I2, ONE_MOVER);
    check_noticed(Mutation::StableGuard, I1, ONE_MOVER);
}

#[test]
fn a_restored_cell_that_serves_at_once_lets_two_cells_write() {
    check_noticed(Mutation::RestoredCellServes, I2, RESTORED_CELL);
}

#[test]
fn a_restored_source_that_is_not_frozen_lets_two_cells_write() {
    check_noticed(Mutation::RestoredCellIsNotFrozen, I2, RESTORED_CELL);
}

#[test]
fn a_restored_target_that_is_activated_by_its_name_alone_loses() {
    check_noticed(Mutation::ActivateHalfACopy, I1, RESTORED_CELL);
}

#[test]
fn an_activation_of_an_earlier_move_lets_two_cells_write() {
    check_noticed(Mutation::ActivateAtAnyEpoch, I2, TWO_MOVES);
}

#[test]
fn a_restored_directory_that_does_not_ask_gives_two_owners() {
    check_noticed(Mutation::RestoredDirectoryIssues, I4, RESTORED_DIRECTORY);
    check_noticed(Mutation::RestoredDirectoryIssues, I2, RESTORED_DIRECTORY);
}

#[test]
fn a_restored_directory_that_publishes_first_gives_two_owners() {
    check_noticed(
        Mutation::RestoredDirectoryPublishesFirst,
        I2,
        RESTORED_DIRECTORY,
    );
}

#[test]
fn a_request_by_old_routes() {
    check_holds(GATEWAY, Lifecycle::Active);
}

#[test]
fn two_requests_by_old_routes() {
    check_holds(TWO_REQUESTS, Lifecycle::Active);
}

#[test]
fn a_request_and_a_lifecycle_that_changes() {
    check_holds(GATEWAY_AND_CHANGE, Lifecycle::Active);
}

#[test]
fn a_request_and_a_cell_that_was_restored() {
    check_holds(GATEWAY_AND_RESTORED_CELL, Lifecycle::Active);
}

#[test]
fn a_request_and_a_directory_that_was_restored() {
    check_holds(GATEWAY_AND_RESTORED_DIRECTORY, Lifecycle::Active);
}

#[test]
fn a_hint_that_is_applied_though_it_is_older_leads_back() {
    check_noticed(Mutation::HintAtAnyEpoch, I4, GATEWAY_AND_CHANGE);
}

#[test]
fn a_hint_of_a_cell_that_was_not_asked_leads_astray() {
    check_noticed(Mutation::HintOfAnyCell, TOLD, GATEWAY);
}

#[test]
fn a_parked_write_that_is_released_past_the_guard_is_lost() {
    check_noticed(Mutation::ReleasePastTheGuard, I1, GATEWAY);
}

#[test]
fn a_request_that_is_sent_again_half_done_is_carried_out_twice() {
    check_noticed(Mutation::MisdirectedHalfWay, ONCE, GATEWAY);
}

#[test]
fn gateways_make_up_for_no_mistake_behind_them() {
    check_noticed(Mutation::PublishBeforeCopy, I1, GATEWAY);
    check_noticed(Mutation::RestoredCellServes, I2, GATEWAY_AND_RESTORED_CELL);
    check_noticed(
        Mutation::RestoredDirectoryIssues,
        I4,
        GATEWAY_AND_RESTORED_DIRECTORY,
    );
}

/// More of everything at once, for `cargo xtask soak models`: a round each with other bounds.
#[test]
#[ignore = "a round of `cargo xtask soak models`"]
fn models_hold_in_larger_bounds() {
    let number = |name: &str| -> u64 {
        let text = std::env::var(name).unwrap_or_else(|_| panic!("{name} is missing"));
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number"))
    };
    let round = number("SOAK_SEED").wrapping_add(number("SOAK_ROUND"));
    let wide = [
        Bounds {
            take_overs: 1,
            ..ONE_MOVER
        },
        Bounds {
            writers: 2,
            fencings: 2,
            expiries: 1,
            ..RESTORED_CELL
        },
        Bounds {
            take_overs: 1,
            backups: 1,
            ..RESTORED_DIRECTORY
        },
        Bounds {
            take_overs: 1,
            expiries: 1,
            restarts: 1,
            changes: 1,
            ..TWO_MOVES
        },
        Bounds {
            expiries: 1,
            gateways: 2,
            requests: 2,
            ..GATEWAY
        },
    ];
    let at = usize::try_from(round % wide.len() as u64).unwrap();
    check_holds(wide[at], Lifecycle::Active);
}
