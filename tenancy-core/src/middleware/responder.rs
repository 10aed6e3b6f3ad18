use std::{fmt, sync::Arc};

use http::{HeaderMap, Response};
use tenancy_types::{Problem, Respond};

/// The layer's way of answering, for those who refuse later: it travels in the request's extensions.
pub(crate) struct Responder<B>(Arc<Answer<B>>);

type Answer<B> = dyn Fn(&dyn Problem, &HeaderMap) -> Response<B> + Send + Sync;

impl<B: 'static> Responder<B> {
    pub(super) fn new(respond: impl Respond<B>) -> Self {
        Self(Arc::new(move |problem, request| {
            respond.respond(problem, request)
        }))
    }

    pub(crate) fn respond(&self, problem: &dyn Problem, request: &HeaderMap) -> Response<B> {
        (self.0)(problem, request)
    }
}

impl<B> Clone for Responder<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> fmt::Debug for Responder<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Responder")
    }
}
