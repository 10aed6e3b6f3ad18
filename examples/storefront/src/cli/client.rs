//! The operator API over HTTP.

use std::time::Duration;

use http::{Method, header};
use reqwest::{Body, RequestBuilder, redirect};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    endpoint::{Endpoint, OpsUrl},
    exit::Exit,
    values::IdempotencyKey,
};

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a server may take to answer. An import may take as long as its file.
const ANSWER: Duration = Duration::from_secs(60);

/// A client of one server.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
}

/// What a server answered when it did what it was asked.
#[derive(Debug)]
pub(super) struct Answer {
    url: String,
    status: u16,
    text: String,
}

/// The body of a refusal.
#[derive(Deserialize)]
struct Refusal {
    error: RefusalError,
}

#[derive(Deserialize)]
struct RefusalError {
    code: String,
    message: String,
}

impl Client {
    pub(super) fn new(endpoint: Endpoint) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("storefront/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            // The token is for this server and nobody else.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build();
        Ok(Self {
            http: http.map_err(ClientError::SetUp)?,
            endpoint,
        })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.send(self.request(Method::GET, path).timeout(ANSWER))
            .await
    }

    pub(super) async fn patch(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer, ClientError> {
        self.send(with_json(self.request(Method::PATCH, path), body).timeout(ANSWER))
            .await
    }

    pub(super) async fn post(
        &self,
        path: &str,
        key: &IdempotencyKey,
        body: &impl Serialize,
    ) -> Result<Answer, ClientError> {
        let request = self.keyed(path, key);
        let answer = self.send(with_json(request, body).timeout(ANSWER)).await;
        answer.map_err(|error| error.with_key(key))
    }

    /// Sends a file of products as it is read, however long that takes.
    pub(super) async fn post_csv(
        &self,
        path: &str,
        key: &IdempotencyKey,
        file: Body,
    ) -> Result<Answer, ClientError> {
        let request = self
            .keyed(path, key)
            .header(header::CONTENT_TYPE, "text/csv");
        let answer = self.send(request.body(file)).await;
        answer.map_err(|error| error.with_key(key))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let authorization = self.endpoint.authorization.clone();
        let request = self.http.request(method, self.endpoint.url.to(path));
        request.header(header::AUTHORIZATION, authorization)
    }

    fn keyed(&self, path: &str, key: &IdempotencyKey) -> RequestBuilder {
        self.request(Method::POST, path)
            .header("idempotency-key", key.as_str())
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, ClientError> {
        let failed = |source: reqwest::Error| self.failed(source.without_url());
        let response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let text = response.text().await.map_err(failed)?;
        let answer = Answer {
            url: self.endpoint.url.to_string(),
            status,
            text,
        };
        if Exit::of_status(status) == Exit::Ok {
            Ok(answer)
        } else {
            Err(answer.refused())
        }
    }

    fn failed(&self, source: reqwest::Error) -> ClientError {
        let url = self.endpoint.url.clone();
        if source.is_connect() {
            ClientError::Unreachable { url, source }
        } else {
            ClientError::Lost { url, source }
        }
    }
}

fn with_json(request: RequestBuilder, body: &impl Serialize) -> RequestBuilder {
    let json = serde_json::to_vec(body).expect("the API's types can be written as JSON");
    request
        .header(header::CONTENT_TYPE, "application/json")
        .body(json)
}

impl Answer {
    /// The JSON as it came.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What the JSON says.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_str(&self.text).map_err(|error| self.foreign(&error))
    }

    /// The error of a page that is not the one asked for.
    pub(super) fn wrong_page(&self) -> ClientError {
        self.foreign(&"the next page is not a later one")
    }

    fn refused(self) -> ClientError {
        match self.read::<Refusal>() {
            Ok(Refusal {
                error: RefusalError { code, message },
            }) => ClientError::Refused {
                status: self.status,
                code,
                message,
                json: self.text,
            },
            Err(error) => error,
        }
    }

    fn foreign(&self, why: &dyn std::fmt::Display) -> ClientError {
        ClientError::Foreign {
            url: self.url.clone(),
            status: self.status,
            why: why.to_string(),
        }
    }
}

/// Why there is no answer to a request, or not the one hoped for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum ClientError {
    /// The HTTP client cannot be set up.
    #[error("set up the HTTP client")]
    SetUp(#[source] reqwest::Error),
    /// Nobody listens there.
    #[error("no server answers at {url}; is `storefront serve` running?")]
    Unreachable {
        /// Where.
        url: OpsUrl,
        /// What happened.
        source: reqwest::Error,
    },
    /// The request went out and no answer came: it may have been done. Repeating it does no harm.
    #[error("{url} gave no answer; it may have been done, and repeating the command does no harm")]
    Lost {
        /// Where.
        url: OpsUrl,
        /// What happened.
        source: reqwest::Error,
    },
    /// The same for a request that must carry its key when it is repeated.
    #[error(
        "{url} gave no answer; it may have been done: repeat the command with --idempotency-key {key}"
    )]
    LostWithKey {
        /// Where.
        url: OpsUrl,
        /// The request's key.
        key: IdempotencyKey,
        /// What happened.
        source: reqwest::Error,
    },
    /// The server says why not.
    #[error("{message} ({code})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable name of the reason.
        code: String,
        /// The reason in words.
        message: String,
        /// The whole answer.
        json: String,
    },
    /// Something else than a storefront's operator API answered.
    #[error(
        "what answers at {url} is no operator API that this program knows: status {status}, {why}"
    )]
    Foreign {
        /// Where.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What is odd about the answer.
        why: String,
    },
}

impl ClientError {
    fn with_key(self, key: &IdempotencyKey) -> Self {
        match self {
            Self::Lost { url, source } => Self::LostWithKey {
                url,
                key: key.clone(),
                source,
            },
            error => error,
        }
    }

    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } | Self::LostWithKey { .. } => {
                Exit::Unavailable
            }
            Self::Refused { status, .. } => Exit::of_status(*status),
            // A gateway in front that cannot reach the server does not speak the API.
            Self::Foreign {
                status: 502..=504, ..
            } => Exit::Unavailable,
            Self::SetUp(_) | Self::Foreign { .. } => Exit::Failed,
        }
    }
}
