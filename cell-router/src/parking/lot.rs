//! Who waits and who may go: pure.

use std::collections::{HashMap, VecDeque};

use tenancy_types::{Epoch, Nanos, TenantId};

use super::{ParkingLimits, ParkingStatus};

/// A request that waits, or that was let go and has no answer yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ticket {
    pub(super) tenant: TenantId,
    number: u64,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// All requests that wait.
#[derive(Debug)]
pub(super) struct Lot {
    limits: ParkingLimits,
    queues: HashMap<TenantId, Queue>,
    held: Held,
    last: u64,
}

/// Requests of one tenant. There is one for as long as it has requests.
#[derive(Debug)]
struct Queue {
    gate: Gate,
    /// In the order in which they came.
    waiting: VecDeque<Parked>,
    /// Let go, and not answered.
    out: Vec<Parked>,
    held: Held,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    /// The tenant was fenced at this epoch. From then on one request may find out whether it still is.
    Closed { epoch: Epoch, next: Nanos },
    /// It can be written to.
    Open,
}

#[derive(Clone, Copy, Debug)]
struct Parked {
    number: u64,
    bytes: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    requests: usize,
    bytes: usize,
}

impl Held {
    fn add(&mut self, bytes: usize) {
        self.requests += 1;
        self.bytes += bytes;
    }

    fn remove(&mut self, bytes: usize) {
        self.requests -= 1;
        self.bytes -= bytes;
    }
}

impl Lot {
    pub(super) fn new(limits: ParkingLimits) -> Self {
        Self {
            limits,
            queues: HashMap::new(),
            held: Held::default(),
            last: 0,
        }
    }

    pub(super) fn status(&self) -> ParkingStatus {
        ParkingStatus {
            requests: self.held.requests,
            bytes: self.held.bytes,
            tenants: self.queues.len(),
        }
    }

    pub(super) fn has(&self, tenant: TenantId) -> bool {
        self.queues.contains_key(&tenant)
    }

    /// Takes a request in, behind those of its tenant that are here. `epoch` is the one at which it was fenced.
    pub(super) fn enter(
        &mut self,
        tenant: TenantId,
        bytes: usize,
        epoch: Epoch,
        now: Nanos,
    ) -> Result<Ticket, Full> {
        let theirs = self
            .queues
            .get(&tenant)
            .map_or(Held::default(), |queue| queue.held);
        if !self.has_room(theirs, bytes) {
            return Err(Full);
        }
        self.last += 1;
        let number = self.last;
        let next = now.after(self.limits.probe_every);
        let queue = self.queues.entry(tenant).or_insert_with(|| Queue {
            gate: Gate::Closed { epoch, next },
            waiting: VecDeque::new(),
            out: Vec::new(),
            held: Held::default(),
        });
        queue.waiting.push_back(Parked { number, bytes });
        queue.held.add(bytes);
        self.held.add(bytes);
        Ok(Ticket { tenant, number })
    }

    fn has_room(&self, theirs: Held, bytes: usize) -> bool {
        let ParkingLimits {
            requests,
            bytes: most,
            tenant_percent,
            ..
        } = self.limits;
        let share =
            |whole: usize| whole / 100 * tenant_percent + whole % 100 * tenant_percent / 100;
        let has_room = |held: Held, requests: usize, most: usize| {
            held.requests < requests && bytes <= most.saturating_sub(held.bytes)
        };
        has_room(self.held, requests, most)
            && (theirs.requests == 0 || has_room(theirs, share(requests), share(most)))
    }

    /// Whose turn it is. They count as let go.
    pub(super) fn due(&mut self, tenant: TenantId, now: Nanos) -> Vec<Ticket> {
        let at_once = self.limits.at_once.max(1);
        let Some(queue) = self.queues.get_mut(&tenant) else {
            return Vec::new();
        };
        let free = match queue.gate {
            Gate::Closed { next, .. } => usize::from(queue.out.is_empty() && next <= now),
            Gate::Open => at_once.saturating_sub(queue.out.len()),
        };
        let free = free.min(queue.waiting.len());
        let first = queue.out.len();
        queue.out.extend(queue.waiting.drain(..free));
        let going = queue.out[first..].iter();
        going
            .map(|parked| Ticket {
                tenant,
                number: parked.number,
            })
            .collect()
    }

    /// The tenant lives at this epoch now.
    pub(super) fn lives(&mut self, tenant: TenantId, at: Epoch) {
        if let Some(queue) = self.queues.get_mut(&tenant)
            && matches!(queue.gate, Gate::Closed { epoch, .. } if at > epoch)
        {
            queue.gate = Gate::Open;
        }
    }

    /// One that was let go was fenced again, and waits at its old place.
    pub(super) fn fenced(&mut self, ticket: Ticket, epoch: Epoch, now: Nanos) {
        let next = now.after(self.limits.probe_every);
        let Some(queue) = self.queues.get_mut(&ticket.tenant) else {
            return;
        };
        let Some(at) = queue
            .out
            .iter()
            .position(|parked| parked.number == ticket.number)
        else {
            return;
        };
        let parked = queue.out.swap_remove(at);
        let behind = queue
            .waiting
            .partition_point(|other| other.number < parked.number);
        queue.waiting.insert(behind, parked);
        queue.gate = match queue.gate {
            // Another one of those that were let go together has said so already, of a newer epoch.
            Gate::Closed { epoch: known, .. } if known > epoch => queue.gate,
            _ => Gate::Closed { epoch, next },
        };
    }

    /// One that was let go was answered by the tenant's owner.
    pub(super) fn served(&mut self, ticket: Ticket) {
        if let Some(queue) = self.queues.get_mut(&ticket.tenant) {
            queue.gate = Gate::Open;
        }
        self.leave(ticket);
    }

    /// One that goes, whatever became of it.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        let Some(queue) = self.queues.get_mut(&ticket.tenant) else {
            return;
        };
        let is_it = |parked: &Parked| parked.number == ticket.number;
        let parked = match queue.out.iter().position(is_it) {
            Some(at) => Some(queue.out.swap_remove(at)),
            None => (queue.waiting.iter().position(is_it)).and_then(|at| queue.waiting.remove(at)),
        };
        if let Some(Parked { bytes, .. }) = parked {
            queue.held.remove(bytes);
            self.held.remove(bytes);
        }
        if queue.held.requests == 0 {
            self.queues.remove(&ticket.tenant);
        }
    }
}

#[cfg(test)]
mod tests;
