use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response,
    header::{ACCEPT, CONTENT_TYPE},
};
use http_body::Body;
use hyper::{body::Incoming, upgrade::OnUpgrade};
use pin_project_lite::pin_project;
use tenancy_types::{Problem, Respond};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    answer::{Going, clean},
    body::{ProxyBody, Watch},
    client::{Answer, SendError},
    gate::Gate,
    upload::Upload,
};
use crate::gateway::{
    ConnectionInfo, GatewayError, Timeouts,
    edge::Passport,
    timeouts::{Expired, Sending},
    upgrade::Tunnel,
};

/// What is known of a request that was sent.
pub(super) struct Exchange {
    pub(super) timeouts: Timeouts,
    pub(super) began: Instant,
    pub(super) passport: Passport,
    pub(super) upload: Option<Arc<Upload>>,
    pub(super) gate: Option<Gate>,
    pub(super) upgrade: Option<OnUpgrade>,
    pub(super) connection: Option<ConnectionInfo>,
}

pin_project! {
    /// The upstream's answer, or a refusal.
    pub struct ProxyFuture<B, R> {
        #[pin]
        state: State<B>,
        respond: R,
        accepts: Accepts,
    }
}

/// What refusals are worded by: the rest of the head goes upstream.
pub(super) struct Accepts {
    accept: Option<HeaderValue>,
    content_type: Option<HeaderValue>,
}

impl Accepts {
    pub(super) fn of(request: &HeaderMap) -> Self {
        Self {
            accept: request.get(ACCEPT).cloned(),
            content_type: request.get(CONTENT_TYPE).cloned(),
        }
    }

    fn headers(&mut self) -> HeaderMap {
        let accept = self.accept.take().map(|value| (ACCEPT, value));
        let content_type = self.content_type.take().map(|value| (CONTENT_TYPE, value));
        accept.into_iter().chain(content_type).collect()
    }
}

pin_project! {
    #[project = StateProj]
    enum State<B> {
        // Stays until the upstream has answered or a time limit has passed.
        Sent { answer: Answer<B>, #[pin] timer: Sleep, exchange: Exchange },
        // Answers at once.
        Refused { error: GatewayError },
    }
}

impl<B, R> ProxyFuture<B, R> {
    pub(super) fn sent(
        answer: Answer<B>,
        exchange: Exchange,
        respond: R,
        accepts: Accepts,
    ) -> Self {
        let timer = sleep_until(exchange.head_due().0);
        Self {
            state: State::Sent {
                answer,
                timer,
                exchange,
            },
            respond,
            accepts,
        }
    }

    pub(super) fn refused(error: GatewayError, respond: R, accepts: Accepts) -> Self {
        Self {
            state: State::Refused { error },
            respond,
            accepts,
        }
    }
}

impl Exchange {
    pub(super) fn begin(timeouts: Timeouts, passport: Passport) -> Self {
        Self {
            timeouts,
            began: Instant::now(),
            passport,
            upload: None,
            gate: None,
            upgrade: None,
            connection: None,
        }
    }

    fn head_due(&self) -> (Instant, Expired) {
        let began = self.began.into_std();
        let sending = match &self.upload {
            Some(upload) => upload.sending(),
            None => Sending::Done(began),
        };
        let (due, expired) = self.timeouts.head_due(began, sending);
        (Instant::from_std(due), expired)
    }

    /// What the client's body says goes before what the upstream's connection says of it.
    fn reason(&self, error: SendError) -> GatewayError {
        let failure = self
            .upload
            .as_ref()
            .and_then(|upload| upload.take_failure());
        failure.unwrap_or_else(|| error.into_inner())
    }

    fn answered(
        &mut self,
        mut response: Response<Incoming>,
    ) -> Result<Response<ProxyBody>, GatewayError> {
        match clean(&mut response, &self.passport)? {
            Going::On => Ok(response.map(|body| ProxyBody::upstream(body, self.watch()))),
            Going::Upgraded => {
                let client = self.upgrade.take().ok_or(GatewayError::UpgradeMismatch)?;
                let tunnel = Tunnel {
                    client,
                    upstream: hyper::upgrade::on(&mut response),
                    idle: self.timeouts.idle,
                    connection: self.connection.take(),
                };
                tokio::spawn(tunnel.run());
                Ok(response.map(|_| ProxyBody::default()))
            }
        }
    }

    fn watch(&mut self) -> Watch {
        if let Some(gate) = &self.gate {
            gate.answered();
        }
        Watch {
            timeouts: self.timeouts,
            began: self.began,
            last: Instant::now(),
            upload: self.upload.take(),
            gate: self.gate.take(),
            timer: None,
        }
    }
}

impl<B> State<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static,
{
    fn poll_answer(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<ProxyBody>, GatewayError>> {
        let (answer, mut timer, exchange) = match self.project() {
            StateProj::Sent {
                answer,
                timer,
                exchange,
            } => (answer, timer, exchange),
            StateProj::Refused { error } => {
                let defect = GatewayError::NoUpstream;
                return Poll::Ready(Err(std::mem::replace(error, defect)));
            }
        };
        if let Poll::Ready(answered) = answer.poll(cx) {
            return Poll::Ready(match answered {
                Ok(response) => exchange.answered(response),
                Err(error) => Err(exchange.reason(error)),
            });
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            // The request's body may have moved since the timer was set.
            let (due, expired) = exchange.head_due();
            if due <= Instant::now() {
                return Poll::Ready(Err(expired.into()));
            }
            timer.as_mut().reset(due);
        }
    }
}

impl<B, R> Future for ProxyFuture<B, R>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static,
    R: Respond<ProxyBody>,
{
    type Output = Result<Response<ProxyBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answered = ready!(this.state.poll_answer(cx));
        Poll::Ready(Ok(answered.unwrap_or_else(|error| {
            tracing::debug!(code = %error.code(), error = &error as &dyn std::error::Error, "no answer");
            this.respond.respond(&error, &this.accepts.headers())
        })))
    }
}

impl<B, R> fmt::Debug for ProxyFuture<B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Sent { .. } => "sent",
            State::Refused { .. } => "refused",
        };
        write!(f, "ProxyFuture({state})")
    }
}
