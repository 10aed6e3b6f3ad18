//! The lot in a runtime: whoever waits is woken when it is its turn.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tenancy_types::{Epoch, Lookup, Nanos, TenantId};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout_at},
};

use super::{
    ParkingLimits, ParkingStatus,
    lot::{Lot, Ticket},
};

/// How often a tenant's route is looked at while its requests wait.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(super) struct Waits<L> {
    pub(super) routes: L,
    pub(super) limits: ParkingLimits,
    began: Instant,
    inside: Mutex<Inside>,
    /// How many requests are inside, for those who only pass by.
    requests: AtomicUsize,
}

#[derive(Debug)]
struct Inside {
    lot: Lot,
    turns: HashMap<Ticket, oneshot::Sender<()>>,
    /// Tenants that somebody looks after.
    watched: HashSet<TenantId>,
}

/// A request's place. It is given up when this is dropped.
pub(super) struct Place<L: Lookup> {
    waits: Arc<Waits<L>>,
    ticket: Ticket,
    turn: oneshot::Receiver<()>,
}

impl<L: Lookup> Waits<L> {
    pub(super) fn new(routes: L, limits: ParkingLimits) -> Self {
        Self {
            routes,
            limits,
            began: Instant::now(),
            inside: Mutex::new(Inside {
                lot: Lot::new(limits),
                turns: HashMap::new(),
                watched: HashSet::new(),
            }),
            requests: AtomicUsize::new(0),
        }
    }

    pub(super) fn status(&self) -> ParkingStatus {
        self.inside().lot.status()
    }

    /// Whether requests of this tenant wait.
    pub(super) fn has(&self, tenant: TenantId) -> bool {
        // Who comes at the same moment as the first of them goes ahead, as if it had come before.
        self.requests.load(Ordering::Relaxed) > 0 && self.inside().lot.has(tenant)
    }

    /// A place behind the others of the tenant, which was fenced at this epoch; none when there is no room.
    pub(super) fn enter(
        self: &Arc<Self>,
        tenant: TenantId,
        bytes: usize,
        epoch: Epoch,
    ) -> Option<Place<L>> {
        let (sender, turn) = oneshot::channel();
        let ticket = self.change(tenant, |inside, now| {
            let ticket = inside.lot.enter(tenant, bytes, epoch, now).ok()?;
            inside.turns.insert(ticket, sender);
            if inside.watched.insert(tenant) {
                tokio::spawn(Arc::clone(self).look_after(tenant));
            }
            Some(ticket)
        })?;
        Some(Place {
            waits: Arc::clone(self),
            ticket,
            turn,
        })
    }

    /// Looks after a tenant's requests for as long as there are any.
    async fn look_after(self: Arc<Self>, tenant: TenantId) {
        loop {
            sleep(LOOK).await;
            let lives = self.routes.placement(tenant);
            let has_left = self.change(tenant, |inside, _| {
                if let Some(placement) = lives {
                    inside.lot.lives(tenant, placement.epoch);
                }
                !inside.lot.has(tenant) && inside.watched.remove(&tenant)
            });
            if has_left {
                return;
            }
        }
    }

    /// Changes something about a tenant's requests, and wakes those whose turn it is now.
    fn change<T>(&self, tenant: TenantId, change: impl FnOnce(&mut Inside, Nanos) -> T) -> T {
        let mut inside = self.inside();
        let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let now = Nanos::new(now);
        let changed = change(&mut inside, now);
        for ticket in inside.lot.due(tenant, now) {
            if let Some(turn) = inside.turns.remove(&ticket) {
                // Who does not wait any more gives its place up.
                turn.send(()).ok();
            }
        }
        let requests = inside.lot.status().requests;
        self.requests.store(requests, Ordering::Relaxed);
        changed
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Lookup> Place<L> {
    /// Waits for its turn; whether it came in time.
    pub(super) async fn turn(&mut self, deadline: Instant) -> bool {
        matches!(timeout_at(deadline, &mut self.turn).await, Ok(Ok(())))
    }

    /// Fenced again: it waits where it has waited before.
    pub(super) fn fenced(&mut self, epoch: Epoch) {
        let (sender, turn) = oneshot::channel();
        self.turn = turn;
        self.waits.change(self.ticket.tenant, |inside, now| {
            inside.turns.insert(self.ticket, sender);
            inside.lot.fenced(self.ticket, epoch, now);
        });
    }

    /// Answered by the tenant's owner.
    pub(super) fn served(self) {
        let tenant = self.ticket.tenant;
        self.waits
            .change(tenant, |inside, _| inside.lot.served(self.ticket));
    }
}

impl<L: Lookup> Drop for Place<L> {
    fn drop(&mut self) {
        self.waits.change(self.ticket.tenant, |inside, _| {
            inside.turns.remove(&self.ticket);
            inside.lot.leave(self.ticket);
        });
    }
}
