//! Where the operator API is, and who may talk to it.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use http::HeaderValue;
use reqwest::Url;

use super::exit::Exit;
use crate::serve::{OPS_FILE, OpsAddress, TOKEN_FILE};

/// A server's operator listener and the token that it asks for.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) url: OpsUrl,
    /// `Bearer …`, marked as sensitive so that no log shows it.
    pub(super) authorization: HeaderValue,
}

impl Endpoint {
    /// The server that serves this data folder, by what it wrote there.
    pub(super) fn of_folder(folder: &Path) -> Result<Self, EndpointError> {
        let path = folder.join(OPS_FILE);
        let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => EndpointError::NeverServed {
                folder: folder.into(),
            },
            _ => EndpointError::Read {
                path: path.clone(),
                source,
            },
        })?;
        let address: OpsAddress =
            serde_json::from_str(&text).map_err(|error| EndpointError::malformed(&path, error))?;
        let url = address.url.parse::<OpsUrl>();
        let url = url.map_err(|error| EndpointError::malformed(&path, error))?;
        Self::with_token_file(url, &folder.join(TOKEN_FILE))
    }

    /// The server at this URL, with the token of this file.
    pub(super) fn with_token_file(url: OpsUrl, path: &Path) -> Result<Self, EndpointError> {
        let text = fs::read_to_string(path).map_err(|source| EndpointError::Read {
            path: path.into(),
            source,
        })?;
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "a token is one line of visible ASCII characters";
            return Err(EndpointError::malformed(path, message));
        }
        let authorization = HeaderValue::try_from(format!("Bearer {token}"));
        let mut authorization = authorization.expect("visible ASCII is a header's value");
        authorization.set_sensitive(true);
        Ok(Self { url, authorization })
    }
}

/// The URL of an operator listener: plain HTTP, and nothing behind the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpsUrl(Url);

impl OpsUrl {
    /// The URL of an address of the API, like `/v1/cells`.
    pub(super) fn to(&self, path: &str) -> Url {
        self.0
            .join(path)
            .expect("the API's addresses go with every base")
    }
}

impl FromStr for OpsUrl {
    type Err = InvalidOpsUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|error| InvalidOpsUrl::Malformed(error.to_string()))?;
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        match url.scheme() {
            "https" => Err(InvalidOpsUrl::Tls),
            "http" if is_bare => Ok(Self(url)),
            "http" => Err(InvalidOpsUrl::TooMuch),
            _ => Err(InvalidOpsUrl::Malformed("it is not an http URL".to_owned())),
        }
    }
}

impl fmt::Display for OpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// Why a text is no [`OpsUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum InvalidOpsUrl {
    #[error("{0}; write it like http://127.0.0.1:8081")]
    Malformed(String),
    #[error(
        "this build has no https: the operator listener speaks plain HTTP, on loopback or in a tunnel"
    )]
    Tls,
    #[error("only scheme, host and port belong here, like http://127.0.0.1:8081")]
    TooMuch,
}

/// Why it is not known which server to talk to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum EndpointError {
    /// The folder has no trace of a server.
    #[error(
        "no server has run in {0}: there is no {OPS_FILE}; start one with `storefront serve --data {0}`, \
         or name one with --ops and --token-file",
        folder.display()
    )]
    NeverServed {
        /// The folder.
        folder: PathBuf,
    },
    /// A file cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{} is not what `storefront serve` writes: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

impl EndpointError {
    fn malformed(path: &Path, message: impl fmt::Display) -> Self {
        Self::Malformed {
            path: path.into(),
            message: message.to_string(),
        }
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::NeverServed { .. } => Exit::Unavailable,
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Exit::Unavailable
            }
            Self::Read { .. } | Self::Malformed { .. } => Exit::Failed,
        }
    }
}

#[cfg(test)]
mod tests;
