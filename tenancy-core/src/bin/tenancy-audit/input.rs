//! What is read from arguments and files.

use std::{
    error::Error,
    fmt, fs,
    io::{self, Write as _},
    path::Path,
};

use sqlx::postgres::PgConnectOptions;
use tenancy_core::isolation::{SealKey, audit::output::chain};

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
    let Some((id, digits)) = text.trim().split_once(':') else {
        let expected = "not an id, a colon and 64 hexadecimal digits";
        return Err(Unusable::new(name, expected));
    };
    SealKey::from_hex(id, digits).map_err(Unusable::of(name))
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
