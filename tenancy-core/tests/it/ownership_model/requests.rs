//! Gateways, what comes to them, and what they hear.
//!
//! A request is a handler's two transactions: it writes in the first, and is acknowledged behind the second. The cell may
//! send it elsewhere as long as the first was not committed.

use tenancy_core::protocol::{Denied, Whereabouts, admits_write, whereabouts};
use tenancy_types::{Epoch, Lifecycle, Placement};

use super::{
    Action, Mutation,
    world::{World, Writer, id, index},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Request {
    gateway: usize,
    /// The route by which it was sent last.
    asked: Placement,
    /// What the cell served it with.
    served: Epoch,
    /// How often it was sent since it waited last.
    sends: u8,
    has_waited: bool,
    /// How often it was committed.
    commits: u8,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// On its way to the cell.
    Sent,
    /// In a transaction there: a writer stands for it.
    Inside,
    /// Has committed, and opens another transaction.
    Between,
    /// The cell's 421 is on its way, with where it says that the tenant lives.
    Misdirected(Placement),
    /// Waits at the gateway.
    Parked,
    Ended,
}

/// That a tenant moves refuses nobody, so routes are compared without it.
pub(super) fn at_rest(placement: Placement) -> Placement {
    Placement {
        moving: false,
        ..placement
    }
}

/// What a cell made up.
fn lie(of: usize) -> Placement {
    Placement::new(id(of), Lifecycle::Active, Epoch::new(0, 99))
}

/// What can happen.
impl World {
    /// Only what changes something: there is much that could be offered, and each costs a copy of the world.
    pub(super) fn offer(&self, actions: &mut Vec<Action>) {
        let left = self.left;
        let gateways = || 0..self.gateways.len();
        if left.requests > 0 {
            actions.extend(gateways().map(Action::Ask));
        }
        if left.lies > 0 {
            actions.extend(gateways().map(Action::Lie));
        }
        if left.replays > 0 {
            actions.extend((0..self.hints.len()).map(Action::Replay));
        }
        for (at, request) in self.requests.iter().enumerate() {
            match request.phase {
                Phase::Sent => actions.push(Action::Arrive(at)),
                Phase::Between => actions.push(Action::GoOn(at)),
                Phase::Misdirected(_) => actions.push(Action::Redirect(at)),
                Phase::Parked => {
                    actions.push(Action::Unpark(at));
                    actions.extend((left.probes > 0).then_some(Action::Probe(at)));
                }
                Phase::Inside | Phase::Ended => {}
            }
        }
        if self.has_requests() {
            self.offer_news(actions);
        }
    }

    fn offer_news(&self, actions: &mut Vec<Action>) {
        for (answer, said) in self.answers.iter().enumerate() {
            let is_news = |known: &Placement| said.epoch > known.epoch;
            for at in 0..self.gateways.len() {
                if is_news(&self.gateways[at]) {
                    actions.push(Action::Hear(at, answer));
                }
            }
            for at in 0..self.views.len() {
                if is_news(&self.views[at]) {
                    actions.push(Action::Look(at, answer));
                }
            }
        }
    }

    /// What anybody knows does not matter when nothing comes any more.
    fn has_requests(&self) -> bool {
        let is_under_way = |request: &Request| request.phase != Phase::Ended;
        self.left.requests > 0 || self.requests.iter().any(is_under_way)
    }
}

/// What must hold.
impl World {
    pub(super) fn believes_the_directory(&self) -> bool {
        let said = |route: &Placement| self.answers.iter().any(|said| at_rest(*said) == *route);
        self.gateways.iter().chain(&self.views).all(said)
    }

    pub(super) fn has_followed(&self) -> bool {
        (self.requests.iter()).any(|request| request.sends == 2 && request.phase == Phase::Between)
    }

    pub(super) fn has_waited(&self) -> bool {
        let carried_out = |request: &Request| request.phase == Phase::Between;
        (self.requests.iter()).any(|request| request.has_waited && carried_out(request))
    }
}

/// At a gateway.
impl World {
    pub(super) fn ask(&mut self, gateway: usize) -> Option<()> {
        self.left.requests = self.left.requests.checked_sub(1)?;
        let asked = self.gateways[gateway];
        self.requests.push(Request {
            gateway,
            asked,
            served: asked.epoch,
            sends: 1,
            has_waited: false,
            commits: 0,
            phase: Phase::Sent,
        });
        Some(())
    }

    /// The cell that was asked says that the tenant lives elsewhere.
    pub(super) fn redirect(&mut self, request: usize, mutation: Mutation) -> Option<()> {
        let Request {
            gateway,
            asked,
            sends,
            phase: Phase::Misdirected(hint),
            ..
        } = self.requests[request]
        else {
            return None;
        };
        if self.left.replays > 0 && !self.hints.contains(&(gateway, hint)) {
            self.hints.push((gateway, hint));
        }
        self.apply_hint(gateway, hint, mutation);
        let newer = self.gateways[gateway];
        if sends == 1 && newer.epoch > asked.epoch {
            let again = &mut self.requests[request];
            (again.asked, again.sends, again.phase) = (newer, 2, Phase::Sent);
        } else {
            self.end(request);
        }
        Some(())
    }

    fn apply_hint(&mut self, gateway: usize, hint: Placement, mutation: Mutation) {
        let known = self.gateways[gateway];
        if hint.epoch > known.epoch || mutation == Mutation::HintAtAnyEpoch {
            self.epoch_fell |= hint.epoch < known.epoch;
            self.gateways[gateway] = hint;
        }
    }

    pub(super) fn replay(&mut self, hint: usize, mutation: Mutation) -> Option<()> {
        self.left.replays = self.left.replays.checked_sub(1)?;
        let (gateway, hint) = *self.hints.get(hint)?;
        self.apply_hint(gateway, hint, mutation);
        Some(())
    }

    /// A hint counts only in the answer of the cell that was asked.
    pub(super) fn lie(&mut self, gateway: usize, mutation: Mutation) -> Option<()> {
        self.left.lies = self.left.lies.checked_sub(1)?;
        let other = 1 - index(self.gateways[gateway].cell);
        if mutation == Mutation::HintOfAnyCell {
            self.apply_hint(gateway, lie(other), mutation);
        }
        Some(())
    }

    /// The gateway knows a newer epoch than that at which it was fenced.
    pub(super) fn unpark(&mut self, request: usize) -> Option<()> {
        let waits = &mut self.requests[request];
        let newer = self.gateways[waits.gateway];
        if waits.phase != Phase::Parked || newer.epoch <= waits.served {
            return None;
        }
        (waits.asked, waits.sends, waits.phase) = (newer, 1, Phase::Sent);
        Some(())
    }

    /// The fence may have been lifted, which no epoch says.
    pub(super) fn probe(&mut self, request: usize, mutation: Mutation) -> Option<()> {
        self.left.probes = self.left.probes.checked_sub(1)?;
        let waits = &mut self.requests[request];
        if waits.phase != Phase::Parked {
            return None;
        }
        if mutation == Mutation::ReleasePastTheGuard {
            let at = index(waits.asked.cell);
            self.cells[at].value?;
            self.write(at);
            self.end(request);
            return Some(());
        }
        (waits.sends, waits.phase) = (1, Phase::Sent);
        Some(())
    }

    pub(super) fn hear(&mut self, gateway: usize, answer: usize) -> Option<()> {
        let said = at_rest(*self.answers.get(answer)?);
        let known = &mut self.gateways[gateway];
        (said.epoch > known.epoch).then(|| *known = said)
    }
}

/// At a cell.
impl World {
    pub(super) fn look_up(&mut self, at: usize, answer: usize) -> Option<()> {
        let said = at_rest(*self.answers.get(answer)?);
        let known = &mut self.views[at];
        (said.epoch > known.epoch).then(|| *known = said)
    }

    pub(super) fn arrive(&mut self, request: usize) -> Option<()> {
        let Request { asked, phase, .. } = self.requests[request];
        if phase != Phase::Sent {
            return None;
        }
        let at = index(asked.cell);
        match whereabouts(asked.epoch, self.views[at], id(at)) {
            Whereabouts::Here(own) => {
                let epoch = own.epoch;
                self.writers.push(Writer::Locked {
                    at,
                    epoch,
                    request: Some(request),
                });
                self.requests[request].served = epoch;
                self.requests[request].phase = Phase::Inside;
            }
            Whereabouts::Elsewhere(own) => {
                self.requests[request].phase = Phase::Misdirected(own);
            }
            // That it waits for a while is a step that comes later.
            Whereabouts::Unknown => self.end(request),
        }
        Some(())
    }

    /// The guard of the first transaction refuses: nothing was done.
    pub(super) fn denied(&mut self, request: usize, denied: Denied) {
        match denied {
            Denied::Fenced { .. } => {
                self.requests[request].phase = Phase::Parked;
                self.requests[request].has_waited = true;
            }
            Denied::NotHere | Denied::StaleEpoch { .. } => self.misdirect(request),
            Denied::NotWritable { .. } => self.end(request),
        }
    }

    /// The guard of the second transaction decides whether it ends well; it was carried out all the same.
    pub(super) fn go_on(&mut self, request: usize, mutation: Mutation) -> Option<()> {
        let Request {
            asked,
            served,
            phase: Phase::Between,
            ..
        } = self.requests[request]
        else {
            return None;
        };
        let is_refused = admits_write(self.cells[index(asked.cell)].fence, served).is_err();
        if is_refused && mutation == Mutation::MisdirectedHalfWay {
            self.misdirect(request);
        } else {
            self.end(request);
        }
        Some(())
    }

    /// Says where the tenant lives, if this cell knows more by now.
    fn misdirect(&mut self, request: usize) {
        let Request { asked, served, .. } = self.requests[request];
        let own = self.views[index(asked.cell)];
        if own.epoch > served {
            self.requests[request].phase = Phase::Misdirected(own);
        } else {
            self.end(request);
        }
    }

    pub(super) fn has_committed(&mut self, request: usize) {
        let inside = &mut self.requests[request];
        inside.phase = Phase::Between;
        inside.commits += 1;
        self.executed_twice |= inside.commits > 1;
    }

    /// Whatever it has seen does not matter any more.
    pub(super) fn end(&mut self, request: usize) {
        let asked = at_rest(self.answers[0]);
        self.requests[request] = Request {
            gateway: 0,
            asked,
            served: asked.epoch,
            sends: 0,
            has_waited: false,
            commits: 0,
            phase: Phase::Ended,
        };
    }
}
