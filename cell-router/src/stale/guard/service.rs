use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, StatusCode};
use tenancy_core::hop::HopClaim;
use tenancy_types::{Lookup, Respond, Route, retry_after};
use tokio::time::timeout;
use tower_service::Service;

use super::{
    EpochGuardFuture,
    judge::{Judgement, answer},
    layer::Shared,
};
use crate::{
    Error,
    stale::{
        CatchUp, Undone,
        undone::{self, HINT},
    },
};

/// The service that [`EpochGuardLayer`](super::EpochGuardLayer) makes.
pub struct EpochGuard<S, L, C, R> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared<L, C, R>>,
}

impl<S, L, C, R, B, RB> Service<Request<B>> for EpochGuard<S, L, C, R>
where
    S: Service<Request<B>, Response = Response<RB>, Future: Send, Error: Send>
        + Clone
        + Send
        + 'static,
    L: Lookup,
    C: CatchUp,
    R: Respond<RB>,
    B: Send + 'static,
    RB: Send + 'static,
{
    type Response = Response<RB>;
    type Error = S::Error;
    type Future = EpochGuardFuture<S, L, C, R, B, RB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        let (mut head, body) = request.into_parts();
        let Some(claim) = head.extensions.get::<HopClaim>().copied() else {
            let refused = answer(&shared.respond, &Error::NoPlacement, &head.headers);
            return EpochGuardFuture::refused(refused);
        };
        match shared.judge.judge(&head, claim) {
            Judgement::Serve(route) => {
                head.extensions.insert(route);
                let answer = self.inner.call(Request::from_parts(head, body));
                EpochGuardFuture::serving(answer, route, shared)
            }
            Judgement::Refuse(refused) => {
                let judge = &shared.judge;
                let refused = judge.refuse(Some(refused), &shared.respond, &head.headers);
                EpochGuardFuture::refused(refused)
            }
            Judgement::Behind => {
                // The instance that is ready waits with the request; what stays here has yet to become so.
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                let request = Request::from_parts(head, body);
                EpochGuardFuture::waiting(shared.catch_up_with(claim, ready, request))
            }
        }
    }
}

impl<L: Lookup, C: CatchUp, R> Shared<L, C, R> {
    /// Waits until this cell knows enough of the request, and goes on with it.
    async fn catch_up_with<S, B, RB>(
        self: Arc<Self>,
        claim: HopClaim,
        mut ready: S,
        request: Request<B>,
    ) -> Result<Response<RB>, S::Error>
    where
        S: Service<Request<B>, Response = Response<RB>>,
        R: Respond<RB>,
    {
        let (mut head, body) = request.into_parts();
        let judge = &self.judge;
        let knows = || !matches!(judge.judge(&head, claim), Judgement::Behind);
        timeout(self.patience, self.catch_up.until(knows))
            .await
            .ok();
        let refused = match self.judge.judge(&head, claim) {
            Judgement::Serve(route) => {
                head.extensions.insert(route);
                let mut answer = ready.call(Request::from_parts(head, body)).await?;
                if self.finish(&mut answer, route) == Next::CatchUp {
                    self.finish_late(&mut answer, route).await;
                }
                return Ok(answer);
            }
            Judgement::Refuse(refused) => Some(refused),
            Judgement::Behind => None,
        };
        Ok(self.judge.refuse(refused, &self.respond, &head.headers))
    }

    /// What a handler's answer says to the gateway.
    pub(super) fn finish<RB>(&self, answer: &mut Response<RB>, served: Route) -> Next {
        undone::write(answer);
        if answer.extensions().get() == Some(&Undone::NotHere) {
            return match self.judge.newer(served) {
                Some(route) => {
                    self.redirect(answer, route);
                    Next::Answer
                }
                None => Next::CatchUp,
            };
        }
        if answer.status() == StatusCode::MISDIRECTED_REQUEST {
            // Something was done, or may have been: it must not be sent again.
            give_up(answer);
        }
        Next::Answer
    }

    /// The fence knows more than this cell's table.
    pub(super) async fn finish_late<RB>(&self, answer: &mut Response<RB>, served: Route) {
        let judge = &self.judge;
        let knows = || judge.newer(served).is_some();
        timeout(self.patience, self.catch_up.until(knows))
            .await
            .ok();
        match judge.newer(served) {
            Some(route) => self.redirect(answer, route),
            None => give_up(answer),
        }
    }

    fn redirect<RB>(&self, answer: &mut Response<RB>, route: Route) {
        *answer.status_mut() = StatusCode::MISDIRECTED_REQUEST;
        answer.headers_mut().insert(HINT, self.judge.hint(route));
    }
}

/// What is left to be done about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    Answer,
    /// To find out where the tenant lives.
    CatchUp,
}

/// The handler's own words stay: the request's head, by which another answer would be chosen, is gone.
fn give_up<RB>(answer: &mut Response<RB>) {
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let later = retry_after(tenancy_types::Retry::Now).expect("it says when");
    answer
        .headers_mut()
        .insert(http::header::RETRY_AFTER, later);
}

// A clone starts out not ready, like every clone of the inner service.
impl<S: Clone, L, C, R> Clone for EpochGuard<S, L, C, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: fmt::Debug, L, C, R> fmt::Debug for EpochGuard<S, L, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochGuard")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
