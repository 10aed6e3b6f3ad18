//! Cells of other processes, as control reaches them.

mod wire;

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::body::Body;
use futures_util::{TryStreamExt, future::join_all};
use http::{
    HeaderName, Method, Request, Response, Uri,
    header::{ACCEPT, CONNECTION, CONTENT_TYPE, DATE, TRANSFER_ENCODING},
};
use tenancy_migrate::{Fitness, Home};
use tenancy_types::{CellId, Revision};
use tokio_util::io::ReaderStream;

use super::cell_work::{Acted, CellAct, WorkError};
use crate::{
    cluster::{ControlPass, Endpoints, PASS_HEADER},
    ops::OpsError,
};

pub(super) use wire::{ActRequest, Answer, HomeQuery};

/// How long a cell may take to take a connection. What it does may take as long as a large shop needs.
const CONNECT: Duration = Duration::from_secs(3);
/// After how long a silent connection is asked whether its other end is there.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// How long an answer to an operator waits for gateways.
const GATEWAYS: Duration = Duration::from_secs(2);

/// What a cell needs of an operator's request: who asks was found out before.
const FORWARDED: [HeaderName; 3] = [
    ACCEPT,
    CONTENT_TYPE,
    HeaderName::from_static("idempotency-key"),
];

/// The cells of other processes. Clones share connections.
#[derive(Clone, Debug)]
pub struct AwayCells {
    endpoints: Endpoints,
    pass: ControlPass,
    client: reqwest::Client,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct AwayCell {
    cell: CellId,
    cells: AwayCells,
}

impl AwayCells {
    /// The cells of these endpoints, for whose obedience such a pass is needed.
    #[must_use]
    pub fn new(endpoints: Endpoints, pass: ControlPass) -> Self {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .tcp_keepalive(KEEPALIVE)
            .no_proxy()
            .build()
            .expect("a client without certificates can be made");
        Self {
            endpoints,
            pass,
            client,
        }
    }

    /// Returns when all gateways show this revision of the directory, or do not in time.
    pub(super) async fn shown(&self, revision: Revision) {
        let asked = self.endpoints.gateways().into_iter().map(|gateway| {
            let url = format!("http://{}/routes/{revision}", gateway.probes);
            self.client.get(url).timeout(GATEWAYS).send()
        });
        for answer in join_all(asked).await {
            let answer = answer.and_then(reqwest::Response::error_for_status);
            if let Err(error) = answer {
                tracing::warn!(%revision, %error, "a gateway is behind the directory");
            }
        }
    }

    /// The cell, if it has a process now.
    pub(crate) fn find(&self, cell: CellId) -> Option<AwayCell> {
        self.endpoints.find(cell)?;
        let cells = self.clone();
        Some(AwayCell { cell, cells })
    }
}

impl AwayCell {
    /// Has the cell do this.
    pub(super) async fn act(&self, home: Home, act: CellAct) -> Result<Acted, WorkError> {
        let body = serde_json::to_vec(&ActRequest::new(home, act)).expect("an act is JSON");
        self.ask("/cell/acts", ("application/json", body.into()))
            .await?
            .acted()
    }

    /// Asks whether the archive in this file can be loaded where this shop is.
    pub(super) async fn check_archive(
        &self,
        home: Home,
        file: &Path,
    ) -> Result<Fitness, WorkError> {
        if !file.exists() {
            // As the cell would say of a file that is missing.
            return Ok(Fitness::Unfit("archive_missing".into()));
        }
        self.send("check", home, file).await?.fitness()
    }

    /// Gives a shop that was emptied what the archive has.
    pub(super) async fn refill(&self, home: Home, file: &Path) -> Result<(), WorkError> {
        self.send("refill", home, file).await?.acted().map(drop)
    }

    /// Gives a new shop what the archive of another one has.
    pub(super) async fn seed(&self, home: Home, file: &Path) -> Result<(), WorkError> {
        self.send("seed", home, file).await?.acted().map(drop)
    }

    async fn send(&self, verb: &str, home: Home, file: &Path) -> Result<Answer, WorkError> {
        let file = tokio::fs::File::open(file).await;
        let file = file.map_err(WorkError::failed)?;
        let body = reqwest::Body::wrap_stream(ReaderStream::new(file));
        let path = format!("/cell/archives/{verb}?{}", HomeQuery::from(home));
        self.ask(&path, ("application/x-tar", body)).await
    }

    async fn ask(
        &self,
        path: &str,
        (form, body): (&str, reqwest::Body),
    ) -> Result<Answer, WorkError> {
        let uri: Uri = path.parse().expect("paths of ours are paths");
        let request = self.request(Method::POST, &uri)?;
        let request = request.header(CONTENT_TYPE, form).body(body);
        let response = request.send().await.map_err(|error| self.lost(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.lost(&error))?;
        serde_json::from_slice(&body).map_err(|_| {
            WorkError::Failed(
                format!("{} answered {status} and nothing that is known", self.cell).into(),
            )
        })
    }

    /// Has a process of the cell answer an operator's request.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub(crate) async fn forward(&self, request: Request<Body>) -> Result<Response<Body>, OpsError> {
        let (head, body) = request.into_parts();
        let mut forwarded = self.request(head.method, &head.uri)?;
        for name in FORWARDED {
            if let Some(value) = head.headers.get(&name) {
                forwarded = forwarded.header(name, value.clone());
            }
        }
        let broken = Arc::new(OnceLock::new());
        let note = Arc::clone(&broken);
        let body = body.into_data_stream().inspect_err(move |error| {
            // The first is the one.
            let _ = note.set(error.to_string());
        });
        let body = reqwest::Body::wrap_stream(body);
        let answered = forwarded.body(body).send().await;
        let answered: Response<reqwest::Body> = match (answered, broken.get()) {
            (Ok(answered), _) => answered.into(),
            (Err(_), Some(error)) => {
                let message = format!("the body did not arrive whole: {error}");
                return Err(OpsError::invalid(message));
            }
            (Err(error), None) => return Err(self.lost(&error).into()),
        };
        let (mut head, body) = answered.into_parts();
        // Of the connection to the cell, not of the answer.
        for name in [CONNECTION, TRANSFER_ENCODING, DATE] {
            head.headers.remove(name);
        }
        Ok(Response::from_parts(head, Body::new(body)))
    }

    /// A request to a process of the cell, which takes it for control's.
    fn request(&self, method: Method, uri: &Uri) -> Result<reqwest::RequestBuilder, WorkError> {
        let AwayCells {
            endpoints,
            pass,
            client,
        } = &self.cells;
        let cell = self.cell;
        let endpoint = endpoints.find(cell).ok_or(WorkError::Away { cell })?;
        let pass = pass.sign(cell, &method, uri);
        let url = format!("http://{}{uri}", endpoint.control);
        Ok(client.request(method, url).header(PASS_HEADER, pass))
    }

    fn lost(&self, error: &reqwest::Error) -> WorkError {
        let cell = self.cell;
        tracing::warn!(%cell, %error, "a cell could not be asked");
        WorkError::Away { cell }
    }
}
