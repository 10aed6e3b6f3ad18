//! A server that speaks the operator API's protocol with prepared answers, and notes what it is asked.

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use futures_util::StreamExt;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use tempfile::TempDir;
use tokio::sync::{Semaphore, oneshot};

/// The only token that is let in.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// What the server was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Method, path and query.
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: String,
}

/// A prepared answer.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) status: u16,
    pub(crate) json: String,
    /// Whether it waits for [`Stub::release`].
    pub(crate) is_held: bool,
}

/// The running server; it ends with this value.
pub(crate) struct Stub {
    address: SocketAddr,
    asked: Receiver<Asked>,
    /// Parts of bodies, as they arrive.
    pub(crate) chunks: Receiver<String>,
    held: Arc<Semaphore>,
    _stop: oneshot::Sender<()>,
}

struct Shared {
    answers: HashMap<String, Prepared>,
    asked: Sender<Asked>,
    chunks: Sender<String>,
    held: Arc<Semaphore>,
}

impl Stub {
    /// A server with these answers by method, path and query. Everything else does not exist there.
    pub(crate) fn start<'a>(answers: impl IntoIterator<Item = (&'a str, Prepared)>) -> Self {
        let answers = answers
            .into_iter()
            .map(|(line, answer)| (line.to_owned(), answer))
            .collect();
        let (asked_sender, asked) = mpsc::channel();
        let (chunk_sender, chunks) = mpsc::channel();
        let held = Arc::new(Semaphore::new(0));
        let shared = Shared {
            answers,
            asked: asked_sender,
            chunks: chunk_sender,
            held: Arc::clone(&held),
        };
        let (stop, stopped) = oneshot::channel();
        let (address_sender, address) = mpsc::channel();
        thread::spawn(move || serve(Arc::new(shared), &address_sender, stopped));
        let address = address.recv().unwrap();
        Self {
            address,
            asked,
            chunks,
            held,
            _stop: stop,
        }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A data folder that leads to it.
    pub(crate) fn folder(&self) -> TempDir {
        folder(&self.url(), TOKEN)
    }

    /// What it was asked since the last time, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.try_iter().collect()
    }

    /// Lets one answer go that is held.
    pub(crate) fn release(&self) {
        self.held.add_permits(1);
    }
}

/// A data folder of a server at this URL.
pub(crate) fn folder(url: &str, token: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "ops.json",
        &serde_json::json!({ "url": url }).to_string(),
    );
    write(folder.path(), "operator.token", &format!("{token}\n"));
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

fn serve(shared: Arc<Shared>, address: &Sender<SocketAddr>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        address.send(listener.local_addr().unwrap()).unwrap();
        let router = Router::new().fallback(answer).with_state(shared);
        tokio::select! {
            served = axum::serve(listener, router).into_future() => served.unwrap(),
            _ = stopped => {}
        }
    });
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let field = |name: &str| Some(head.headers.get(name)?.to_str().unwrap().to_owned());
    let mut asked = Asked {
        line: format!("{} {}", head.method, head.uri),
        authorization: field(AUTHORIZATION.as_str()),
        key: field("idempotency-key"),
        content_type: field(CONTENT_TYPE.as_str()),
        body: String::new(),
    };
    let mut body = body.into_data_stream();
    while let Some(chunk) = body.next().await {
        let Ok(chunk) = chunk else { break };
        let chunk = String::from_utf8(chunk.to_vec()).unwrap();
        asked.body.push_str(&chunk);
        let _ = shared.chunks.send(chunk);
    }
    let prepared = match shared.answers.get(&asked.line) {
        _ if asked.authorization.as_deref() != Some(&format!("Bearer {TOKEN}")) => {
            refusal(401, "unauthorized")
        }
        Some(prepared) => prepared.clone(),
        None => refusal(404, "not_found"),
    };
    let _ = shared.asked.send(asked);
    if prepared.is_held {
        shared.held.acquire().await.unwrap().forget();
    }
    let response = Response::builder()
        .status(prepared.status)
        .header(CONTENT_TYPE, "application/json");
    response.body(Body::from(prepared.json)).unwrap()
}

/// An answer of success.
#[expect(
    clippy::needless_pass_by_value,
    reason = "cases hand over the JSON they make"
)]
pub(crate) fn ok(status: u16, json: impl ToString) -> Prepared {
    Prepared {
        status,
        json: json.to_string(),
        is_held: false,
    }
}

/// An error in the API's form.
pub(crate) fn refusal(status: u16, code: &str) -> Prepared {
    ok(
        status,
        serde_json::json!({"error": {"code": code, "message": format!("it is {code}")}}),
    )
}
