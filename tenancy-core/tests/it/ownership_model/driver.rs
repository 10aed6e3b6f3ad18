//! A mover: it knows which step it is at, and finds out in each of its transactions whether it still may.

use tenancy_core::protocol::{
    Fence, FenceEvent, FenceState, Move, Mover, PlacementEvent, Rejected, mover, placement,
};
use tenancy_types::{Lifecycle, Placement};

use super::{
    Mutation,
    world::{UNTIL, World, id, index, is_left},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Driver {
    job: Option<(Move, Mover)>,
    pub(super) step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Idle,
    ClaimSource,
    ClaimTarget,
    /// Knows nothing of before, and reads what is the case.
    Look,
    Receive,
    Set,
    Drain,
    ReadTail,
    /// Holds what it has read.
    ApplyTail(Option<u8>),
    Seal,
    Complete,
    Flip,
    Abort,
    Ended,
}

impl Driver {
    pub(super) const IDLE: Self = Self {
        job: None,
        step: Step::Idle,
    };

    pub(super) const fn is_running(self) -> bool {
        !matches!(self.step, Step::Idle | Step::Ended)
    }
}

/// Why a step was not made.
enum Refused {
    /// The cell's row names a greater mover.
    Superseded,
    /// The cell has forgotten its movers, or has not heard of this one.
    Unclaimed,
    /// Something else is the case than was thought.
    Changed,
}

fn refused(rejected: Rejected, me: Mover) -> Refused {
    match rejected {
        Rejected::Superseded {
            found: Some(row), ..
        } if row > me => Refused::Superseded,
        Rejected::Superseded { .. } => Refused::Unclaimed,
        _ => Refused::Changed,
    }
}

impl World {
    pub(super) fn start(&mut self, by: usize) -> Option<()> {
        self.left.moves = self.left.moves.checked_sub(1)?;
        if self.drivers[by] != Driver::IDLE || !self.is_next(by) || !self.rests() {
            return None;
        }
        let the = Move::of(self.directory, id(1 - index(self.directory.cell)));
        let after = placement::next(self.directory, PlacementEvent::StartMove(the)).ok()?;
        self.place(after);
        self.employ(by, the)
    }

    /// Another mover goes on with the last one's move, whether that one has stopped or not.
    pub(super) fn take_over(&mut self, by: usize) -> Option<()> {
        self.left.take_overs = self.left.take_overs.checked_sub(1)?;
        if self.drivers[by] != Driver::IDLE || !self.is_next(by) {
            return None;
        }
        let last = self.drivers[..by].last()?;
        let (the, _) = last.job?;
        self.employ(by, the)
    }

    /// Movers are alike, so they are employed in their order.
    fn is_next(&self, by: usize) -> bool {
        self.drivers[..by]
            .iter()
            .all(|driver| *driver != Driver::IDLE)
    }

    fn employ(&mut self, by: usize, the: Move) -> Option<()> {
        let me = Mover {
            reserved: the.reserved().ok()?,
            token: by as u64,
        };
        self.drivers[by] = Driver {
            job: Some((the, me)),
            step: Step::ClaimSource,
        };
        Some(())
    }

    /// It never acts again. Somebody must be left who can go on.
    pub(super) fn stop(&mut self, by: usize) -> Option<()> {
        if self.left.take_overs == 0 || !self.drivers[by].is_running() {
            return None;
        }
        self.drivers[by].step = Step::Ended;
        Some(())
    }

    pub(super) fn step(&mut self, by: usize, mutation: Mutation) -> Option<()> {
        let Driver { job, step } = self.drivers[by];
        let (the, me) = job?;
        if !self.drivers[by].is_running() {
            return None;
        }
        let next = match step {
            Step::Look => Ok(self.look(the)?),
            Step::Drain if mutation != Mutation::NoDrain && !self.is_drained(index(the.from)) => {
                return None;
            }
            _ => self.act((the, me), step, mutation),
        };
        self.drivers[by].step = match next {
            Ok(next) => next,
            Err(Refused::Superseded) => Step::Ended,
            Err(Refused::Unclaimed) => Step::ClaimSource,
            Err(Refused::Changed) => Step::Look,
        };
        Some(())
    }

    fn act(
        &mut self,
        (the, me): (Move, Mover),
        step: Step,
        mutation: Mutation,
    ) -> Result<Step, Refused> {
        let (from, to) = (index(the.from), index(the.to));
        match step {
            Step::ClaimSource => self.claim(from, me).map(|()| Step::ClaimTarget),
            Step::ClaimTarget => self.claim(to, me).map(|()| Step::Look),
            Step::Receive => {
                let event = FenceEvent::Receive {
                    lifecycle: self.directory.lifecycle,
                    epoch: me.reserved,
                };
                self.may(to, me)?;
                self.change_fence(to, event).ok_or(Refused::Changed)?;
                Ok(Step::Look)
            }
            Step::Set if self.left.fencings == 0 => Ok(Step::Abort),
            Step::Set => {
                let before = self.cells[from].fence;
                self.may_fence(from, me, mutation)?;
                let set = FenceEvent::Set { until: UNTIL };
                self.change_fence(from, set).ok_or(Refused::Changed)?;
                if mutation == Mutation::FenceInMemory {
                    self.forget(from, before);
                }
                self.left.fencings -= 1;
                Ok(Step::Drain)
            }
            Step::Drain => {
                self.may_fence(from, me, mutation)?;
                Ok(match mutation {
                    Mutation::PublishBeforeCopy => Step::Seal,
                    _ => Step::ReadTail,
                })
            }
            Step::ReadTail => {
                self.may_fence(from, me, mutation)?;
                Ok(Step::ApplyTail(self.cells[from].value))
            }
            Step::ApplyTail(value) => self.apply(to, me, value, mutation),
            Step::Seal => self.seal(from, me, mutation),
            Step::Complete => {
                self.may_copy(to, me)?;
                let complete = FenceEvent::Complete;
                self.change_fence(to, complete).ok_or(Refused::Changed)?;
                Ok(Step::Flip)
            }
            Step::Flip => self.flip(the, mutation),
            Step::Abort => self.abort(the, mutation),
            Step::Idle | Step::Look | Step::Ended => Err(Refused::Changed),
        }
    }

    fn claim(&mut self, at: usize, me: Mover) -> Result<(), Refused> {
        let row = mover::claim(self.cells[at].mover, me).map_err(|_| Refused::Superseded)?;
        self.cells[at].mover = Some(row);
        Ok(())
    }

    fn may(&self, at: usize, me: Mover) -> Result<(), Refused> {
        mover::admits(self.cells[at].mover, me).map_err(|rejected| refused(rejected, me))
    }

    fn may_fence(&self, from: usize, me: Mover, mutation: Mutation) -> Result<(), Refused> {
        let source = &self.cells[from];
        if mutation == Mutation::FenceAtAnyEpoch {
            return self.may(from, me);
        }
        mover::admits_source(source.fence, source.mover, me)
            .map_err(|rejected| refused(rejected, me))
    }

    fn may_copy(&self, to: usize, me: Mover) -> Result<(), Refused> {
        let target = &self.cells[to];
        mover::admits_target(target.fence, target.mover, me)
            .map_err(|rejected| refused(rejected, me))
    }

    fn apply(
        &mut self,
        to: usize,
        me: Mover,
        value: Option<u8>,
        mutation: Mutation,
    ) -> Result<Step, Refused> {
        let target = &self.cells[to];
        if mutation == Mutation::ApplyWithoutToken {
            let admitted = mover::admits_target(target.fence, Some(me), me);
            admitted.map_err(|rejected| refused(rejected, me))?;
        } else {
            self.may_copy(to, me)?;
        }
        self.cells[to].value = value;
        Ok(Step::Seal)
    }

    /// A fence that is sealed already was sealed before the tail was read.
    fn seal(&mut self, from: usize, me: Mover, mutation: Mutation) -> Result<Step, Refused> {
        self.may_fence(from, me, mutation)?;
        let before = self.cells[from].fence;
        if before.is_none_or(|fence| fence.state != FenceState::Sealed) {
            let durable = self.change_fence(from, FenceEvent::Seal);
            durable.ok_or(Refused::Changed)?;
            if mutation == Mutation::FenceInMemory {
                let state = FenceState::Active;
                let forgotten = before.map(|fence| Fence { state, ..fence });
                self.forget(from, forgotten);
            }
        }
        Ok(Step::Complete)
    }

    fn flip(&mut self, the: Move, mutation: Mutation) -> Result<Step, Refused> {
        let flipped = placement::next(self.directory, PlacementEvent::Flip(the));
        let mut after = flipped.map_err(|_| Refused::Changed)?;
        if mutation == Mutation::FlipUnsuspends {
            after.lifecycle = Lifecycle::Active;
        }
        self.place(after);
        Ok(match mutation {
            Mutation::PublishBeforeCopy => Step::ReadTail,
            _ => Step::Look,
        })
    }

    fn abort(&mut self, the: Move, mutation: Mutation) -> Result<Step, Refused> {
        let aborted = placement::next(self.directory, PlacementEvent::AbortMove(the));
        let mut after = aborted.map_err(|_| Refused::Changed)?;
        if mutation == Mutation::AbortKeepsTheEpoch {
            after.epoch = the.epoch;
        }
        self.place(after);
        Ok(Step::Ended)
    }

    /// Any mover may give its move up; the directory knows whether it is too late.
    pub(super) fn give_up(&mut self, by: usize, mutation: Mutation) -> Option<()> {
        let Driver { job, step } = self.drivers[by];
        let (the, _) = job.filter(|_| self.drivers[by].is_running())?;
        if matches!(step, Step::ClaimSource | Step::ClaimTarget) {
            return None;
        }
        self.drivers[by].step = self.abort(the, mutation).ok()?;
        Some(())
    }

    /// The drain took too long: writers go on, and the mover tries again.
    pub(super) fn release(&mut self, by: usize) -> Option<()> {
        let Driver { job, step } = self.drivers[by];
        let (the, me) = job.filter(|_| step == Step::Drain)?;
        let from = index(the.from);
        self.may_fence(from, me, Mutation::None).ok()?;
        self.change_fence(from, FenceEvent::Release)?;
        self.drivers[by].step = Step::Look;
        Some(())
    }

    /// What is to be done, as the directory and the cells are. `None` is to wait for those who follow.
    fn look(&self, the: Move) -> Option<Step> {
        let Placement {
            cell,
            moving,
            epoch,
            ..
        } = self.directory;
        let reserved = the.reserved().ok()?;
        let under_way = moving && cell == the.from && epoch == the.epoch;
        let flipped = cell == the.to && epoch >= reserved;
        if !under_way && !flipped {
            return Some(Step::Ended);
        }
        let source = self.cells[index(the.from)].fence;
        let target = self.cells[index(the.to)].fence;
        let Some(target) = target.filter(|_| !is_left(target)) else {
            return Some(Step::Receive);
        };
        match target.state {
            FenceState::Ready if under_way && target.epoch == reserved => Some(Step::Flip),
            FenceState::Incoming if target.epoch == reserved => match source?.state {
                FenceState::Active if self.left.fencings == 0 => Some(Step::Abort),
                FenceState::Active => Some(Step::Set),
                FenceState::Fenced { .. } => Some(Step::Drain),
                FenceState::Sealed => Some(Step::ReadTail),
                FenceState::Gone
                | FenceState::Refused
                | FenceState::Incoming
                | FenceState::Ready => Some(Step::Ended),
            },
            FenceState::Active if flipped && is_left(source) => Some(Step::Ended),
            _ => None,
        }
    }
}
