//! Whose turn it is to get a connection. Pure.

use std::collections::{BTreeSet, HashMap, VecDeque};

use tenancy_types::TenantId;

/// Who asks for a connection: a tenant, or the platform itself.
pub(super) type Party = Option<TenantId>;

/// A fixed number of connections, shared among tenants by max-min fairness.
///
/// Whoever holds fewest is served first, and among those the one that has waited longest since it was last
/// served. So a tenant with a long queue of its own delays the first request of another by at most the
/// transactions that are already running, and no tenant that waits is passed over for ever.
///
/// After each [`ask`](Self::ask) and [`give_back`](Self::give_back) the caller takes
/// [`next`](Self::next) until it is `None`; then no connection is idle while somebody who may have it waits.
/// Each takes O(log n) in the number of waiting tenants.
#[derive(Debug)]
pub(super) struct Turns<T> {
    free: usize,
    lines: HashMap<Party, Line<T>>,
    /// Tenants that wait and may have one more: (held, since, party).
    eligible: BTreeSet<(u16, u64, Party)>,
    moment: u64,
}

#[derive(Debug)]
struct Line<T> {
    held: u16,
    limit: u16,
    /// When it was last served, or began to wait.
    since: u64,
    waiting: VecDeque<T>,
}

impl<T> Turns<T> {
    pub(super) fn new(connections: usize) -> Self {
        Self {
            free: connections,
            lines: HashMap::new(),
            eligible: BTreeSet::new(),
            moment: 0,
        }
    }

    /// Stands in line for a connection, of which the party may hold `limit`.
    pub(super) fn ask(&mut self, party: Party, limit: u16, ticket: T) {
        self.moment += 1;
        let since = self.moment;
        self.change(party, |line| {
            // The newest request knows the tenant's plan best.
            line.limit = limit;
            if line.waiting.is_empty() {
                line.since = since;
            }
            line.waiting.push_back(ticket);
        });
    }

    /// Takes a connection at once, if nobody who may have it waits: what [`ask`](Self::ask) and
    /// [`next`](Self::next) would come to, without a ticket.
    pub(super) fn at_once(&mut self, party: Party, limit: u16) -> bool {
        if self.free == 0 || limit == 0 || !self.eligible.is_empty() {
            return false;
        }
        let line = self.lines.entry(party).or_insert_with(Line::new);
        if !line.waiting.is_empty() || line.held >= limit {
            return false;
        }
        self.moment += 1;
        self.free -= 1;
        line.held += 1;
        line.limit = limit;
        line.since = self.moment;
        true
    }

    /// Takes a connection back.
    pub(super) fn give_back(&mut self, party: Party) {
        self.moment += 1;
        self.free += 1;
        let since = self.moment;
        self.change(party, |line| {
            line.held -= 1;
            line.since = since;
        });
    }

    /// Who gets a connection now. Those of whom `alive` says no are passed over, which costs their party nothing.
    pub(super) fn next(&mut self, alive: impl Fn(&T) -> bool) -> Option<(Party, T)> {
        if self.free == 0 {
            return None;
        }
        let party = loop {
            let &(_, _, party) = self.eligible.first()?;
            if self.goes_on(party, &alive) {
                break party;
            }
        };
        self.moment += 1;
        self.free -= 1;
        let since = self.moment;
        let ticket = self.change(party, |line| {
            line.held += 1;
            line.since = since;
            line.waiting.pop_front()
        });
        Some((party, ticket.expect("who is eligible waits")))
    }

    /// Whether the first in the party's line is alive, after those are gone who came before it.
    fn goes_on(&mut self, party: Party, alive: impl Fn(&T) -> bool) -> bool {
        self.change(party, |line| {
            while line.waiting.front().is_some_and(|ticket| !alive(ticket)) {
                line.waiting.pop_front();
            }
            !line.waiting.is_empty()
        })
    }

    /// How many wait in the party's line, after those are gone of whom `alive` says no.
    pub(super) fn waiting(&mut self, party: Party, alive: impl FnMut(&T) -> bool) -> usize {
        self.change(party, |line| {
            line.waiting.retain(alive);
            line.waiting.len()
        })
    }

    /// Changes a party's line and puts the party where the line then says: among the eligible, aside, or
    /// out.
    fn change<R>(&mut self, party: Party, change: impl FnOnce(&mut Line<T>) -> R) -> R {
        let line = self.lines.entry(party).or_insert_with(Line::new);
        self.eligible.remove(&(line.held, line.since, party));
        let result = change(line);
        if !line.waiting.is_empty() && line.held < line.limit {
            self.eligible.insert((line.held, line.since, party));
        }
        if line.waiting.is_empty() && line.held == 0 {
            self.lines.remove(&party);
        }
        result
    }
}

impl<T> Line<T> {
    fn new() -> Self {
        Self {
            held: 0,
            limit: 0,
            since: 0,
            waiting: VecDeque::new(),
        }
    }
}

#[cfg(test)]
mod tests;
