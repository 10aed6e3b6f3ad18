use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Response, request};
use tenancy_core::{
    Refusal,
    hop::HopClaim,
    protocol::{Whereabouts, whereabouts},
};
use tenancy_types::{Lookup, Problem, Respond, Route};

use crate::{
    Error,
    route::{Finder, Found},
    stale::{HintSigner, heard::Heard, undone::HINT},
};

/// When a client may ask again. A table is behind for milliseconds, or for as long as the directory is away.
const LATER: Duration = Duration::from_secs(1);

/// Knows what this cell knows.
#[derive(Clone)]
pub(super) struct Judge<L> {
    pub(super) finder: Finder<L>,
    pub(super) hints: HintSigner,
    /// Shared by all services of the layer.
    pub(super) heard: Arc<Heard>,
}

/// What becomes of a request.
pub(super) enum Judgement {
    /// To the handler, with this route.
    Serve(Route),
    /// This cell knows too little.
    Behind,
    Refuse(Refused),
}

/// Why it does not come to the handler.
pub(super) enum Refused {
    /// It lives there.
    Elsewhere(Route),
    ForeignHost,
    /// Its host cannot be read.
    Host(Refusal),
}

impl<L: Lookup> Judge<L> {
    pub(super) fn judge(&self, head: &request::Parts, claim: HopClaim) -> Judgement {
        let own = match self.finder.find(head.into(), &head.extensions) {
            Ok(Found::Known(own)) => own,
            Ok(Found::Unknown(_)) | Err(Refusal::DirectoryUnavailable) => return Judgement::Behind,
            Ok(Found::Nobodys) => return Judgement::Refuse(Refused::ForeignHost),
            Err(refusal) => return Judgement::Refuse(Refused::Host(refusal)),
        };
        if own.tenant != claim.tenant {
            return Judgement::Refuse(Refused::ForeignHost);
        }
        let (claimed, known) = (claim.placement.epoch, own.placement.epoch);
        let heard = self.heard.newest(own.tenant, claimed, known);
        match whereabouts(heard, own.placement, self.hints.cell()) {
            Whereabouts::Here(_) => Judgement::Serve(own),
            Whereabouts::Elsewhere(_) => Judgement::Refuse(Refused::Elsewhere(own)),
            Whereabouts::Unknown => Judgement::Behind,
        }
    }

    /// What this cell knows by now of a tenant that a handler was to serve by this route, if that is news.
    pub(super) fn newer(&self, served: Route) -> Option<Route> {
        let placement = self.finder.routes.placement(served.tenant)?;
        let is_newer = placement.epoch > served.placement.epoch;
        is_newer.then_some(Route {
            placement,
            ..served
        })
    }

    pub(super) fn hint(&self, route: Route) -> HeaderValue {
        self.hints.sign(route)
    }

    pub(super) fn refuse<R: Respond<B>, B>(
        &self,
        refused: Option<Refused>,
        respond: &R,
        request: &HeaderMap,
    ) -> Response<B> {
        let behind = Error::CellBehind { retry_after: LATER };
        match refused {
            None => answer(respond, &behind, request),
            Some(Refused::ForeignHost) => answer(respond, &Error::ForeignHost, request),
            Some(Refused::Host(refusal)) => answer(respond, &refusal, request),
            Some(Refused::Elsewhere(route)) => {
                let mut answer = answer(respond, &Error::NotHere, request);
                answer.headers_mut().insert(HINT, self.hint(route));
                answer
            }
        }
    }
}

pub(super) fn answer<R: Respond<B>, B>(
    respond: &R,
    problem: &dyn Problem,
    request: &HeaderMap,
) -> Response<B> {
    tracing::debug!(code = %problem.code(), "request refused");
    respond.respond(problem, request)
}
