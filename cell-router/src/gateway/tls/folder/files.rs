use std::{
    collections::BTreeMap,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustls::crypto::CryptoProvider;
use tenancy_types::UnixMicros;

use super::shelf::{News, Stamp};
use crate::gateway::tls::Certificate;

/// File systems date changes by ticks. What was changed so shortly before it was looked at may change again within one.
const TICK_SECONDS: i64 = 2;

/// The files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    pub(super) chain: PathBuf,
    key: PathBuf,
}

impl Pair {
    /// What the files are called after.
    pub(super) fn name(&self) -> &str {
        let is_folder = self
            .chain
            .file_name()
            .is_some_and(|it| it == "fullchain.pem");
        let named = match is_folder {
            true => self.chain.parent().and_then(Path::file_name),
            false => self.chain.file_stem(),
        };
        named.and_then(|name| name.to_str()).unwrap_or_default()
    }

    pub(super) fn read(&self, provider: &CryptoProvider) -> Result<Certificate, String> {
        let read = |path: &Path| {
            fs::read(path).map_err(|error| format!("read {}: {error}", path.display()))
        };
        let (chain, key) = (read(&self.chain)?, read(&self.key)?);
        Certificate::from_pem(&chain, &key, provider).map_err(|error| chained(&error))
    }
}

/// An error with what is behind it.
fn chained(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chained(source)),
        None => error.to_string(),
    }
}

/// All pairs of a folder at this time, with what tells whether they have changed.
pub(super) fn list(folder: &Path, now: UnixMicros) -> io::Result<BTreeMap<Pair, Stamp>> {
    let now = now.get() / 1_000_000;
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_none_or(|name| name.starts_with('.')) {
            continue;
        }
        let pair = if path.extension().is_some_and(|it| it == "crt") {
            Pair {
                key: path.with_extension("key"),
                chain: path,
            }
        } else {
            Pair {
                chain: path.join("fullchain.pem"),
                key: path.join("privkey.pem"),
            }
        };
        if let Ok(chain) = fs::metadata(&pair.chain) {
            let key = fs::metadata(&pair.key).ok();
            found.insert(pair, stamp(&chain, key.as_ref(), now));
        }
    }
    Ok(found)
}

fn stamp(chain: &Metadata, key: Option<&Metadata>, now: i64) -> Stamp {
    let file = |file: &Metadata| (file.ino(), file.len(), file.mtime(), file.mtime_nsec());
    let is_old = |file: &Metadata| file.mtime().saturating_add(TICK_SECONDS) < now;
    Stamp {
        chain: file(chain),
        key: key.map(file),
        is_settled: is_old(chain) && key.is_some_and(is_old),
    }
}

impl News {
    pub(super) fn tell(&self, path: &Path) {
        let path = path.display();
        match self {
            Self::Loaded => tracing::info!(%path, "certificate loaded"),
            Self::Fault(reason) => {
                tracing::warn!(%path, %reason, "certificate not usable, what was there before stays");
            }
        }
    }
}
