use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::gateway::{GatewayError, timeouts::Sending};

/// What has become of a request's body: the body itself says so, whoever waits for the answer looks.
#[derive(Debug)]
pub(super) struct Upload(Mutex<State>);

#[derive(Debug)]
struct State {
    sending: Sending,
    failure: Option<GatewayError>,
}

impl Upload {
    pub(super) fn new(began: Instant) -> Self {
        Self(Mutex::new(State {
            sending: Sending::Upstream(began.into_std()),
            failure: None,
        }))
    }

    /// How far it is.
    pub(super) fn sending(&self) -> Sending {
        self.state().sending
    }

    /// A frame was passed on.
    pub(super) fn passed(&self) {
        self.state().sending = Sending::Upstream(now());
    }

    /// The upstream wants more, and the client has sent none yet.
    pub(super) fn wants(&self) {
        let mut state = self.state();
        if let Sending::Upstream(_) = state.sending {
            state.sending = Sending::Client(now());
        }
    }

    /// All was passed on.
    pub(super) fn done(&self) {
        self.state().sending = Sending::Done(now());
    }

    /// The client's body broke.
    pub(super) fn fail(&self, failure: GatewayError) {
        self.state().failure = Some(failure);
    }

    /// Why it broke, if it did: a better reason than what the upstream's connection says of it.
    pub(super) fn take_failure(&self) -> Option<GatewayError> {
        self.state().failure.take()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}
