//! The directory, the cells, whoever writes, and everything that can happen to them but a mover's steps.

use tenancy_core::protocol::{
    Fence, FenceEvent, FenceState, Mover, PlacementEvent, Surveyed, admits_read, admits_write,
    fence, follow, placement, reassert, settle,
};
use tenancy_types::{CellId, Epoch, Lifecycle, Placement, UnixMicros};

use super::{
    Mutation,
    driver::{Driver, Step},
    requests::{Request, at_rest},
};

pub(super) const UNTIL: UnixMicros = UnixMicros::new(1);

/// How often something may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Bounds {
    pub moves: u8,
    pub take_overs: u8,
    pub fencings: u8,
    pub writers: u8,
    pub workers: u8,
    pub expiries: u8,
    pub restarts: u8,
    pub backups: u8,
    pub directory_backups: u8,
    pub changes: u8,
    /// Gateways in front of the cells, and what comes to them.
    pub gateways: u8,
    pub requests: u8,
    pub probes: u8,
    pub replays: u8,
    pub lies: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub directory: Placement,
    pub directory_backup: Option<Placement>,
    /// Every answer that the directory ever gave. Somebody may still believe any of them.
    pub answers: Vec<Placement>,
    /// What the operator said last.
    pub lifecycle: Lifecycle,
    pub cells: [Cell; 2],
    pub drivers: Vec<Driver>,
    /// Those who have begun and not ended.
    pub writers: Vec<Writer>,
    /// The routes of each gateway, and of each cell.
    pub gateways: Vec<Placement>,
    pub views: [Placement; 2],
    pub requests: Vec<Request>,
    /// Hints that somebody has seen: to which gateway each went.
    pub hints: Vec<(usize, Placement)>,
    pub executed_twice: bool,
    /// The last write that was committed anywhere, and the last one that no backup may lose.
    pub committed: u8,
    pub kept: u8,
    pub left: Bounds,
    pub epoch_fell: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Cell {
    pub fence: Option<Fence>,
    /// What a restart finds. Another one only where fences are in memory.
    durable: Option<Fence>,
    pub mover: Option<Mover>,
    /// The tenant's rows: the last write. None when there is no row of it.
    pub value: Option<u8>,
    backup: Option<Backup>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Backup {
    fence: Option<Fence>,
    mover: Option<Mover>,
    value: Option<u8>,
}

/// Somebody's transaction. With a number it is a request's, otherwise anybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Writer {
    /// Holds the tenant's lock, shared.
    Locked {
        at: usize,
        epoch: Epoch,
        request: Option<usize>,
    },
    /// Has read the fence without the lock.
    Read { at: usize },
    /// Was let in, and holds the lock.
    Admitted { at: usize, request: Option<usize> },
}

impl Writer {
    const fn at(self) -> usize {
        match self {
            Self::Locked { at, .. } | Self::Read { at } | Self::Admitted { at, .. } => at,
        }
    }

    const fn is_locking(self, cell: usize) -> bool {
        matches!(self, Self::Locked { at, .. } | Self::Admitted { at, .. } if at == cell)
    }

    const fn request(self) -> Option<usize> {
        match self {
            Self::Locked { request, .. } | Self::Admitted { request, .. } => request,
            Self::Read { .. } => None,
        }
    }
}

pub(super) fn id(at: usize) -> CellId {
    CellId::new(u16::try_from(at).unwrap() + 1).unwrap()
}

pub(super) fn index(cell: CellId) -> usize {
    usize::from(cell.get()) - 1
}

const fn is_serving(fence: Option<Fence>) -> bool {
    matches!(
        fence,
        Some(Fence {
            state: FenceState::Active | FenceState::Fenced { .. } | FenceState::Sealed,
            ..
        })
    )
}

pub(super) const fn is_left(fence: Option<Fence>) -> bool {
    matches!(
        fence,
        None | Some(Fence {
            state: FenceState::Gone | FenceState::Refused,
            ..
        })
    )
}

/// What must hold.
impl World {
    pub(super) fn new(bounds: Bounds, lifecycle: Lifecycle) -> Self {
        let directory = Placement::new(id(0), lifecycle, Epoch::FIRST);
        let fence = fence::next(
            None,
            FenceEvent::Create {
                lifecycle,
                epoch: Epoch::FIRST,
            },
        );
        let cell = |fence: Option<Fence>| Cell {
            fence,
            durable: fence,
            mover: None,
            value: fence.map(|_| 0),
            backup: None,
        };
        let drivers = usize::from(bounds.moves + bounds.take_overs);
        Self {
            directory,
            directory_backup: None,
            answers: vec![directory],
            lifecycle,
            cells: [cell(fence.ok()), cell(None)],
            drivers: vec![Driver::IDLE; drivers],
            writers: Vec::new(),
            gateways: vec![at_rest(directory); usize::from(bounds.gateways)],
            views: [at_rest(directory); 2],
            requests: Vec::new(),
            hints: Vec::new(),
            executed_twice: false,
            committed: 0,
            kept: 0,
            left: bounds,
            epoch_fell: false,
        }
    }

    pub(super) fn keeps_every_write(&self) -> bool {
        (self.cells.iter())
            .filter(|cell| matches!(cell.fence, Some(fence) if fence.state == FenceState::Active))
            .all(|cell| cell.value >= Some(self.kept))
    }

    pub(super) fn has_one_writing_cell(&self) -> bool {
        let writes = |at: usize| {
            let is_inside = |writer: &Writer| matches!(writer, Writer::Admitted { at: inside, .. } if *inside == at);
            self.writers.iter().any(is_inside)
                || (self.cells[at].fence)
                    .is_some_and(|fence| admits_write(Some(fence), fence.epoch).is_ok())
        };
        !(writes(0) && writes(1))
    }

    pub(super) fn reads_no_emptied_tenant(&self) -> bool {
        (self.cells.iter()).all(|cell| {
            let reads = |fence: Fence| admits_read(Some(fence), fence.epoch).is_ok();
            cell.value.is_some() || !cell.fence.is_some_and(reads)
        })
    }

    /// One owner, as the directory says, with all rows; and nothing of the tenant elsewhere.
    pub(super) fn ends_well(&self) -> bool {
        let Placement {
            cell,
            lifecycle,
            moving,
            epoch,
        } = self.directory;
        let owner = &self.cells[index(cell)];
        let other = &self.cells[1 - index(cell)];
        let served = Fence {
            state: FenceState::Active,
            lifecycle,
            epoch,
        };
        !moving
            && owner.fence == Some(served)
            && owner.value >= Some(self.kept)
            && is_left(other.fence)
            && other.value.is_none()
    }
}

/// What everybody does.
impl World {
    /// The directory's answer from now on.
    pub(super) fn place(&mut self, after: Placement) {
        let before = self.directory;
        self.epoch_fell |= after.epoch < before.epoch || {
            let stands = after.epoch == before.epoch;
            stands && !after.moving && after != before
        };
        self.directory = after;
        if !self.answers.contains(&after) {
            self.answers.push(after);
        }
    }

    /// Changes a cell's fence as the table allows.
    pub(super) fn change_fence(&mut self, at: usize, event: FenceEvent) -> Option<()> {
        let cell = &mut self.cells[at];
        let after = fence::next(cell.fence, event).ok()?;
        self.epoch_fell |= cell.fence.is_some_and(|before| after.epoch < before.epoch);
        cell.fence = Some(after);
        cell.durable = Some(after);
        Some(())
    }

    pub(super) fn is_drained(&self, at: usize) -> bool {
        !self.writers.iter().any(|writer| writer.is_locking(at))
    }

    /// An answer of the directory, read some time ago, becomes the fence.
    pub(super) fn follow(&mut self, at: usize, answer: usize, mutation: Mutation) -> Option<()> {
        let answer = *self.answers.get(answer)?;
        let Some(event) = follow(self.cells[at].fence, id(at), answer) else {
            return self.follow_wrongly(at, answer, mutation);
        };
        match event {
            FenceEvent::Retire { .. } if !self.is_active(1 - at) => None,
            FenceEvent::Refuse { .. } if mutation == Mutation::AbortWithoutRevoking => None,
            // A change of the fence waits until it is alone, but for the first one of a move.
            _ if !self.is_drained(at) => None,
            _ => self.change_fence(at, event),
        }
    }

    fn follow_wrongly(&mut self, at: usize, answer: Placement, mutation: Mutation) -> Option<()> {
        let fence = self.cells[at].fence?;
        let named = answer.cell == id(at) && !answer.moving;
        let at_its_epoch = answer.epoch == fence.epoch;
        match (mutation, fence.state) {
            (Mutation::ActivateHalfACopy, FenceState::Incoming) if named && at_its_epoch => {
                self.change_fence(at, FenceEvent::Complete)?;
            }
            (Mutation::ActivateAtAnyEpoch, FenceState::Ready) if named => {}
            _ => return None,
        }
        self.change_fence(at, FenceEvent::Activate { epoch: fence.epoch })
    }

    fn is_active(&self, at: usize) -> bool {
        matches!(self.cells[at].fence, Some(fence) if fence.state == FenceState::Active)
    }

    pub(super) fn clean_up(&mut self, at: usize) -> Option<()> {
        let cell = &mut self.cells[at];
        if cell.fence.is_none() || !is_left(cell.fence) {
            return None;
        }
        cell.value.take().map(drop)
    }

    pub(super) fn change(&mut self, to: Lifecycle) -> Option<()> {
        self.left.changes = self.left.changes.checked_sub(1)?;
        let after = placement::next(self.directory, PlacementEvent::Lifecycle(to)).ok()?;
        self.lifecycle = to;
        self.place(after);
        Some(())
    }
}

/// Writers.
impl World {
    pub(super) fn begin(&mut self, answer: usize, mutation: Mutation) -> Option<()> {
        self.left.writers = self.left.writers.checked_sub(1)?;
        let route = self.answers[answer];
        if route.moving || route.lifecycle != Lifecycle::Active {
            // The answer before it has the same cell and epoch; and nobody is let in.
            return None;
        }
        let (at, epoch) = (index(route.cell), route.epoch);
        let writer = if mutation == Mutation::StableGuard {
            admits_write(self.cells[at].fence, epoch).ok()?;
            Writer::Read { at }
        } else {
            let request = None;
            Writer::Locked { at, epoch, request }
        };
        self.writers.push(writer);
        Some(())
    }

    /// The guard's second half: whoever holds the lock reads the fence.
    pub(super) fn enter(&mut self, writer: usize, mutation: Mutation) -> Option<()> {
        match *self.writers.get(writer)? {
            Writer::Locked { at, epoch, request } => {
                match (admits_write(self.cells[at].fence, epoch), request) {
                    (Ok(()), _) => self.writers[writer] = Writer::Admitted { at, request },
                    (Err(denied), Some(request)) => {
                        self.writers.remove(writer);
                        self.denied(request, denied);
                    }
                    (Err(_), None) => drop(self.writers.remove(writer)),
                }
                Some(())
            }
            Writer::Read { at } if mutation == Mutation::StableGuard => {
                let request = None;
                self.writers[writer] = Writer::Admitted { at, request };
                Some(())
            }
            Writer::Read { .. } | Writer::Admitted { .. } => None,
        }
    }

    pub(super) fn commit(&mut self, writer: usize) -> Option<()> {
        let Writer::Admitted { at, request } = *self.writers.get(writer)? else {
            return None;
        };
        self.writers.remove(writer);
        self.write(at);
        if let Some(request) = request {
            self.has_committed(request);
        }
        Some(())
    }

    pub(super) fn work(&mut self, at: usize) -> Option<()> {
        self.left.workers = self.left.workers.checked_sub(1)?;
        self.cells[at].value?;
        self.write(at);
        Some(())
    }

    pub(super) fn write(&mut self, at: usize) {
        self.committed += 1;
        self.kept = self.committed;
        self.cells[at].value = Some(self.committed);
    }
}

/// Faults.
impl World {
    pub(super) fn expire(&mut self, at: usize, mutation: Mutation) -> Option<()> {
        self.left.expiries = self.left.expiries.checked_sub(1)?;
        let fence = self.cells[at].fence?;
        if mutation == Mutation::SealExpires && fence.state == FenceState::Sealed {
            let state = FenceState::Active;
            self.cells[at].fence = Some(Fence { state, ..fence });
            return Some(());
        }
        self.change_fence(at, FenceEvent::Expire { now: UNTIL })
    }

    /// Whoever was in a transaction is not any more.
    pub(super) fn restart(&mut self, at: usize) -> Option<()> {
        self.left.restarts = self.left.restarts.checked_sub(1)?;
        let forgets = self.cells[at].durable != self.cells[at].fence;
        let open = self.writers.len();
        self.end_transactions(at);
        self.cells[at].fence = self.cells[at].durable;
        (forgets || self.writers.len() < open).then_some(())
    }

    /// Nobody can say what became of a request that was inside.
    fn end_transactions(&mut self, at: usize) {
        let (ended, open) = (self.writers.drain(..)).partition(|writer| writer.at() == at);
        self.writers = open;
        let ended: Vec<Writer> = ended;
        let requests = ended.into_iter().filter_map(Writer::request);
        requests.for_each(|request| self.end(request));
    }

    /// A fence in memory is one that a restart does not find.
    pub(super) fn forget(&mut self, at: usize, before: Option<Fence>) {
        self.cells[at].durable = before;
    }

    pub(super) const fn has_backup(&self, at: usize) -> bool {
        self.cells[at].backup.is_some()
    }

    pub(super) fn back_up(&mut self, at: usize) -> Option<()> {
        self.left.backups = self.left.backups.checked_sub(1)?;
        let cell = &mut self.cells[at];
        cell.backup = Some(Backup {
            fence: cell.fence,
            mover: cell.mover,
            value: cell.value,
        });
        Some(())
    }

    /// Back to an earlier state, though to none of before the tenant was served here.
    pub(super) fn restore(&mut self, at: usize, mutation: Mutation) -> Option<()> {
        let backup = self.cells[at].backup.take()?;
        let owned = is_serving(self.cells[at].fence);
        if owned && !is_serving(backup.fence) {
            return None;
        }
        if owned && index(self.directory.cell) == at {
            self.kept = self.kept.min(backup.value?);
        }
        self.end_transactions(at);
        let cell = &mut self.cells[at];
        (cell.fence, cell.durable, cell.value) = (backup.fence, backup.fence, backup.value);
        cell.mover = backup.mover;
        if mutation == Mutation::RestoredCellServes {
            return Some(());
        }
        cell.mover = None;
        while let Some(event) = reassert(self.cells[at].fence, id(at), self.directory) {
            if event == FenceEvent::Freeze && mutation == Mutation::RestoredCellIsNotFrozen {
                break;
            }
            self.change_fence(at, event)?;
        }
        Some(())
    }

    pub(super) fn back_up_directory(&mut self) -> Option<()> {
        self.left.directory_backups = self.left.directory_backups.checked_sub(1)?;
        self.directory_backup = Some(self.directory);
        Some(())
    }

    pub(super) fn restore_directory(&mut self, mutation: Mutation) -> Option<()> {
        let backup = self.directory_backup.take()?;
        if mutation == Mutation::RestoredDirectoryIssues {
            self.place(backup);
            return Some(());
        }
        let said = |at: usize| (id(at), Surveyed::Fence(self.cells[at].fence));
        let incarnation = self.directory.epoch.incarnation() + 1;
        let settled = settle(backup, incarnation, &[said(0), said(1)]).ok()?;
        let owner = index(settled.cell);
        if mutation != Mutation::RestoredDirectoryPublishesFirst
            && let Some(event) = follow(self.cells[1 - owner].fence, id(1 - owner), settled)
        {
            self.change_fence(1 - owner, event)?;
        }
        // What the operator said and nobody has confirmed may be lost.
        if self.cells[owner].fence.map(|fence| fence.lifecycle) != Some(self.lifecycle) {
            self.lifecycle = settled.lifecycle;
        }
        self.place(settled);
        Some(())
    }

    /// Whether the tenant rests: a move begins only when the one before is through.
    pub(super) fn rests(&self) -> bool {
        let owner = index(self.directory.cell);
        let fence = self.cells[owner].fence;
        !self.directory.moving
            && self.is_active(owner)
            && fence.is_some_and(|fence| fence.epoch == self.directory.epoch)
            && is_left(self.cells[1 - owner].fence)
            && (self.drivers.iter()).all(|driver| matches!(driver.step, Step::Idle | Step::Ended))
    }
}
