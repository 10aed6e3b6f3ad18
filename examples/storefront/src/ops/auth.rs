//! The operator's token: made once, kept in a file that only its owner reads, compared in constant time.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, header};
use subtle::ConstantTimeEq;
use tenancy_types::Respond;
use tracing::Span;

use super::OpsError;
use crate::{pages::Answer, random};

/// The secret that lets an operator in: 32 random bytes in hexadecimal.
#[derive(Clone)]
pub struct OperatorToken(Arc<str>);

impl OperatorToken {
    /// Reads the token of this file, or makes the file (mode 0600) with a new one.
    ///
    /// # Errors
    /// When the file can neither be read nor made, or holds no token.
    pub fn load_or_create(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(text.trim()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> io::Result<Self> {
        if text.len() >= 32 && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            let message = "an operator token is one line of at least 32 visible characters";
            Err(io::Error::new(io::ErrorKind::InvalidData, message))
        }
    }

    fn create(path: &Path) -> io::Result<Self> {
        let text = random::hex::<32>();
        // Under another name first: a crash must not leave half a token behind.
        let unfinished = path.with_extension("token.new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        Ok(Self(text.into()))
    }

    /// The token as it stands in an `Authorization: Bearer` field.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is(&self, offered: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(offered).into()
    }
}

impl std::fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OperatorToken")
    }
}

/// Who an operator is, as logs have it: a piece of the token's hash, so that a new token is another operator.
#[derive(Clone, Debug)]
pub(super) struct Operator(Arc<str>);

impl Operator {
    fn of(token: &OperatorToken) -> Self {
        let hash = blake3::hash(token.as_str().as_bytes()).to_hex();
        Self(format!("operator-{}", &hash[..8]).into())
    }

    /// The name in logs.
    pub(super) fn name(&self) -> &str {
        &self.0
    }
}

/// Lets a request through when it carries the token.
pub(super) async fn require(
    State(token): State<OperatorToken>,
    mut request: Request,
    next: Next,
) -> Response {
    let offered = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(HeaderValue::as_bytes);
    if offered
        .and_then(bearer)
        .is_some_and(|offered| token.is(offered))
    {
        let operator = Operator::of(&token);
        Span::current().record("operator", operator.name());
        request.extensions_mut().insert(operator);
        return next.run(request).await;
    }
    let mut response: Response = Answer.respond(&OpsError::Unauthorized, request.headers());
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// The credentials of a bearer scheme, whose name has no case (RFC 9110, section 11.1).
fn bearer(field: &[u8]) -> Option<&[u8]> {
    let (scheme, credentials) = field.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then_some(credentials)
}
