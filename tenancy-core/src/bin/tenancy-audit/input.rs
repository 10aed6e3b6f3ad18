//! What is read from arguments and files.

use std::{error::Error, fmt, fs, io, path::Path};

use sqlx::postgres::PgConnectOptions;
use tenancy_core::isolation::SealKey;

/// An argument or a file that cannot be used.
#[derive(Debug)]
pub(crate) struct Unusable {
    what: String,
    source: Box<dyn Error + Send + Sync>,
}

/// The URL is not repeated: it may hold a password.
pub(crate) fn options(name: &str, url: &str) -> Result<PgConnectOptions, Unusable> {
    url.parse().map_err(Unusable::of(name))
}

/// A key in a file: its id, a colon and its secret.
pub(crate) fn key(file: &Path) -> Result<SealKey, Unusable> {
    let name = file.display().to_string();
    let text = read(file)?;
    let parts = text.trim().split_once(':');
    let Some((id, secret)) = parts.and_then(|(id, hex)| Some((id, bytes(hex)?))) else {
        let expected = "not an id, a colon and 64 hexadecimal digits";
        return Err(Unusable::new(name, expected));
    };
    SealKey::new(id, secret).map_err(Unusable::of(name))
}

fn bytes(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(bytes)
}

pub(crate) fn read(file: &Path) -> Result<String, Unusable> {
    fs::read_to_string(file).map_err(Unusable::of(file.display().to_string()))
}

/// What a command runs on.
pub(crate) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

impl Unusable {
    pub(crate) fn new(what: impl Into<String>, why: &str) -> Self {
        Self::of(what)(why)
    }

    pub(crate) fn of<E>(what: impl Into<String>) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let what = what.into();
        |source| Self {
            what,
            source: source.into(),
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, chain(&*self.source))
    }
}

/// An error with its sources.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
