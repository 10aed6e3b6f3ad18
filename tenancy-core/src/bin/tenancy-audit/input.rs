//! What is read from arguments and files.

use std::{
    error::Error,
    fmt, fs,
    io::{self, Write as _},
    path::Path,
};

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
    if others_read(file) {
        eprintln!(
            "warning: {name}: not its owner alone may read this key, which makes every tenant (chmod 600)"
        );
    }
    let parts = text.trim().split_once(':');
    let Some((id, secret)) = parts.and_then(|(id, hex)| Some((id, bytes(hex)?))) else {
        let expected = "not an id, a colon and 64 hexadecimal digits";
        return Err(Unusable::new(name, expected));
    };
    SealKey::new(id, secret).map_err(Unusable::of(name))
}

/// A container's secret may have to be a group's, so that it is said and not refused.
#[cfg(unix)]
fn others_read(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_read(_: &Path) -> bool {
    false
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

/// Whoever has read enough of it has closed its end, and still wants the exit code.
pub(crate) fn say(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// An error with its sources. Of a file it says what is wrong and where, and not what stands there: it may be
/// another one than was meant, such as the key's.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = said(error);
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&said(error));
        source = error.source();
    }
    text
}

fn said(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<toml::de::Error>() {
        Some(error) => error.message().to_owned() + &place(error),
        None => error.to_string(),
    }
}

/// The parser writes the place first, in a line of its own.
fn place(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let place = first.split_once(" at ").map(|(_, place)| place);
    place
        .map(|place| format!(" at {place}"))
        .unwrap_or_default()
}
