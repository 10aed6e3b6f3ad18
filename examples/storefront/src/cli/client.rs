//! The operator API over HTTP.

use std::time::Duration;

use http::{Method, header};
use reqwest::{Body, RequestBuilder, Response, redirect};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{endpoint::Endpoint, exit::Exit, values::IdempotencyKey};

mod download;
mod error;

pub(super) use download::Download;
pub(super) use error::ClientError;

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a server may take to answer. What sends, makes or empties a whole shop may take as long as it needs.
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

/// A file that is sent.
#[derive(Debug)]
pub(super) struct File {
    /// Its type, like `text/csv`.
    pub(super) media_type: &'static str,
    /// What is in it.
    pub(super) body: Body,
}

impl File {
    fn in_request(self, request: RequestBuilder) -> RequestBuilder {
        request
            .header(header::CONTENT_TYPE, self.media_type)
            .body(self.body)
    }
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

    /// Asks for something that needs no body and is the same when it is repeated.
    pub(super) async fn act(&self, method: Method, path: &str) -> Result<Answer, ClientError> {
        self.send(self.request(method, path).timeout(ANSWER)).await
    }

    /// Asks for something that may take as long as a shop is large, and is the same when it is repeated.
    pub(super) async fn post_at_length(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer, ClientError> {
        self.send(with_json(self.request(Method::POST, path), body))
            .await
    }

    /// Sends a file as it is read, however long that takes.
    pub(super) async fn post_file(
        &self,
        path: &str,
        key: &IdempotencyKey,
        file: File,
    ) -> Result<Answer, ClientError> {
        let answer = self.send(file.in_request(self.keyed(path, key))).await;
        answer.map_err(|error| error.with_key(key))
    }

    /// The same for a file that takes the place of what is there, so that it needs no key.
    pub(super) async fn put_file(&self, path: &str, file: File) -> Result<Answer, ClientError> {
        self.send(file.in_request(self.request(Method::PUT, path)))
            .await
    }

    /// Asks for a file, which comes as it is read, however long that takes.
    pub(super) async fn post_for_file(&self, path: &str) -> Result<Download, ClientError> {
        let response = self.answered(self.request(Method::POST, path)).await?;
        if Exit::of_status(response.status().as_u16()) == Exit::Ok {
            return Ok(Download::new(self.endpoint.url.clone(), response));
        }
        Err(self.read(response).await?.refused())
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
        let response = self.answered(request).await?;
        let answer = self.read(response).await?;
        if Exit::of_status(answer.status) == Exit::Ok {
            Ok(answer)
        } else {
            Err(answer.refused())
        }
    }

    async fn answered(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        request.send().await.map_err(|source| self.failed(source))
    }

    async fn read(&self, response: Response) -> Result<Answer, ClientError> {
        let status = response.status().as_u16();
        let text = response.text().await;
        Ok(Answer {
            url: self.endpoint.url.to_string(),
            status,
            text: text.map_err(|source| self.failed(source))?,
        })
    }

    fn failed(&self, source: reqwest::Error) -> ClientError {
        let (url, source) = (self.endpoint.url.clone(), source.without_url());
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
                key: None,
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
