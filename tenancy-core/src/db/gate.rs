use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    DbError,
    turns::{Party, Turns},
};

/// The door before a pool of connections: lets tenants through in the order of [`Turns`].
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    turns: Mutex<Turns<oneshot::Sender<Permit>>>,
    patience: Patience,
}

/// How long, and how many of one tenant, wait for a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) wait: Duration,
    pub(super) line: usize,
}

impl Gate {
    pub(super) fn new(connections: usize, patience: Patience) -> Self {
        Self(Arc::new(Shared {
            turns: Mutex::new(Turns::new(connections)),
            patience,
        }))
    }

    /// A connection of which the party may hold `limit`, if nobody waits for one before it.
    pub(super) fn enter_at_once(&self, party: Party, limit: u16) -> Option<Permit> {
        let entered = self.0.turns().at_once(party, limit);
        entered.then(|| Permit {
            gate: Some(Arc::clone(&self.0)),
            party,
        })
    }

    /// Waits for a connection of which the party may hold `limit`.
    ///
    /// Cancel safe: who stops waiting is passed over, and a permit that arrives too late is given back.
    pub(super) async fn enter(&self, party: Party, limit: u16) -> Result<Permit, DbError> {
        let permit = {
            let mut turns = self.0.turns();
            if turns.at_once(party, limit) {
                return Ok(Permit {
                    gate: Some(Arc::clone(&self.0)),
                    party,
                });
            }
            if turns.waiting(party, |ticket| !ticket.is_closed()) >= self.0.patience.line {
                return Err(DbError::Busy);
            }
            let (ticket, permit) = oneshot::channel();
            turns.ask(party, limit, ticket);
            permit
        };
        Shared::serve(&self.0);
        match tokio::time::timeout(self.0.patience.wait, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(DbError::Busy),
        }
    }
}

impl Shared {
    fn turns(&self) -> MutexGuard<'_, Turns<oneshot::Sender<Permit>>> {
        // The table is whole after each of its methods, so a panic elsewhere while locked harms nothing.
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands out what is free. A permit whose taker stops waiting in this moment comes back and is handed on here,
    /// not in its drop, which would recurse once for each.
    fn serve(shared: &Arc<Self>) {
        loop {
            let next = shared.turns().next(|ticket| !ticket.is_closed());
            let Some((party, ticket)) = next else {
                return;
            };
            let permit = Permit {
                gate: Some(Arc::clone(shared)),
                party,
            };
            if let Err(mut unwanted) = ticket.send(permit) {
                unwanted.gate = None;
                shared.turns().give_back(party);
            }
        }
    }
}

/// The right to one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    gate: Option<Arc<Shared>>,
    party: Party,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.turns().give_back(self.party);
            Shared::serve(&gate);
        }
    }
}
