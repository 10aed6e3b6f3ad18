use std::{fmt, sync::Arc};

use http::{HeaderMap, Response};
use tenancy_types::{Problem, Respond};

/// The layer's way of answering, for those who refuse later: it travels in the request's extensions. It is the
/// layer's own and not a copy, so that a request costs no more for it than a count.
pub(crate) struct Responder<B>(Arc<dyn Answer<B>>);

/// [`Respond`] as an object, which is not asked for copies.
trait Answer<B>: Send + Sync {
    fn answer(&self, problem: &dyn Problem, request: &HeaderMap) -> Response<B>;
}

impl<B, R: Respond<B>> Answer<B> for R {
    fn answer(&self, problem: &dyn Problem, request: &HeaderMap) -> Response<B> {
        self.respond(problem, request)
    }
}

impl<B: 'static> Responder<B> {
    pub(super) fn new<R: Respond<B>>(respond: &Arc<R>) -> Self {
        let respond: Arc<R> = Arc::clone(respond);
        Self(respond)
    }

    pub(crate) fn respond(&self, problem: &dyn Problem, request: &HeaderMap) -> Response<B> {
        self.0.answer(problem, request)
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
