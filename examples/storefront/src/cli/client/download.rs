use bytes::Bytes;
use reqwest::Response;

use super::ClientError;
use crate::cli::endpoint::OpsUrl;

/// A file on its way here.
#[derive(Debug)]
pub(in crate::cli) struct Download {
    url: OpsUrl,
    response: Response,
}

impl Download {
    pub(super) const fn new(url: OpsUrl, response: Response) -> Self {
        Self { url, response }
    }

    /// How many bytes it has, when the server says so.
    pub(in crate::cli) fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next part; `None` when it came whole. One that ends too early is an error.
    pub(in crate::cli) async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        let chunk = self.response.chunk().await;
        chunk.map_err(|source| ClientError::CutOff {
            url: self.url.clone(),
            source: source.without_url(),
        })
    }
}
