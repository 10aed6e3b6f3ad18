//! A small client that says exactly what it sends.

use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::Method;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::platform::PATIENCE;

#[derive(Clone)]
pub(crate) struct Client {
    address: String,
    headers: Vec<(String, String)>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The last value that this client sends of a header.
    pub(crate) fn header_value(&self, name: &str) -> &str {
        let mut sent = self.headers.iter().rev();
        &sent.find(|(header, _)| header == name).unwrap().1
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, String::new()).await
    }

    /// Posts with a fresh idempotency key, unless a header sets one.
    pub(crate) async fn post(&self, path: &str, body: String) -> Answer {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if self
            .headers
            .iter()
            .any(|(name, _)| name == "idempotency-key")
        {
            return self.send(Method::POST, path, body).await;
        }
        let key = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.clone()
            .header("idempotency-key", &key)
            .send(Method::POST, path, body)
            .await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, body.to_string()).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: String) -> Answer {
        self.try_send(method, path, body).await.unwrap()
    }

    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> reqwest::Result<Answer> {
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let mut request = client
            .request(method, format!("http://{}{path}", self.address))
            .body(body);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer {
            status,
            headers,
            body: response.text().await?,
        })
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    #[track_caller]
    pub(crate) fn expect_status(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.json()
    }

    #[track_caller]
    pub(crate) fn expect_error(&self, status: u16, code: &str) -> String {
        let body = self.expect_status(status);
        assert_eq!(body["error"]["code"], code, "{body}");
        body["error"]["message"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Sends bytes as they are and returns all that comes back until the server closes.
pub(crate) async fn raw(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may have answered and closed before everything was sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("an answer in time");
    String::from_utf8_lossy(&answer).into_owned()
}
