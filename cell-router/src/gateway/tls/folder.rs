use std::{
    collections::HashMap,
    convert::Infallible,
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use tenancy_types::{Clock, DomainName, UnixMicros};

use super::{CertSource, Certificate};
use crate::gateway::server::wildcard_above;

mod files;
mod shelf;

use files::Pair;
use shelf::Shelf;

/// Certificates in the files of a folder, exchanged while they are served.
///
/// Two ways to lay them out, also side by side, with or without symbolic links:
///
/// - `NAME.crt` and `NAME.key`;
/// - `NAME/fullchain.pem` and `NAME/privkey.pem`, as ACME clients do it.
///
/// Clients get the certificate that is for the name they ask for, its wildcards included; what the files are called
/// decides only when several are for one name: then that which is called after it, else the one that is good for longest.
/// Files and folders that begin with a dot are left alone.
///
/// [`watch`](Self::watch) notices what is changed, added and removed. What cannot be read, is half written or does not
/// match its key leaves in place what was there, and is reported ([`status`](Self::status), and in the log). An expired
/// certificate is reported, and served: a warning in the browser is better than no shop, and its owner must see it.
pub struct CertFolder {
    path: PathBuf,
    provider: Arc<CryptoProvider>,
    clock: Arc<dyn Clock>,
    fallback: Option<DomainName>,
    shelf: Mutex<Shelf<Pair, Certificate>>,
    served: ArcSwap<HashMap<Box<str>, Arc<Certificate>>>,
}

/// What is wrong with a certificate's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertFault {
    /// The file of the chain.
    pub path: PathBuf,
    /// What is wrong with it or with its key.
    pub reason: String,
}

/// What a [`CertFolder`] holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertFolderStatus {
    /// How many certificates are served.
    pub certificates: usize,
    /// Files that are not served, or in an older state than they have now.
    pub faults: Vec<CertFault>,
    /// The files of certificates that have expired, and are served.
    pub expired: Vec<PathBuf>,
    /// When the first of those that have not expired will.
    pub next_expiry: Option<UnixMicros>,
}

impl CertFolder {
    /// Reads a folder. It blocks for as long as the files take: about a millisecond for a hundred.
    ///
    /// # Errors
    /// When the folder itself cannot be listed. Files that are no good are [faults](CertFolderStatus::faults).
    pub fn open(
        path: impl Into<PathBuf>,
        provider: Arc<CryptoProvider>,
        clock: impl Clock,
    ) -> io::Result<Self> {
        let folder = Self {
            path: path.into(),
            provider,
            clock: Arc::new(clock),
            fallback: None,
            shelf: Mutex::default(),
            served: ArcSwap::default(),
        };
        folder.scan()?;
        Ok(folder)
    }

    /// Shows this name's certificate to clients that ask for no name, or for one that is not here. Without it they are sent
    /// away.
    #[must_use]
    pub fn with_fallback(self, name: DomainName) -> Self {
        Self {
            fallback: Some(name),
            ..self
        }
    }

    /// Looks for changes once, and reads what has changed. It blocks; the certificates are exchanged at one moment.
    ///
    /// # Errors
    /// When the folder cannot be listed: then everything stays as it was.
    pub fn scan(&self) -> io::Result<()> {
        let found = files::list(&self.path, self.clock.unix())?;
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        for pair in shelf.keep(&found) {
            let read = pair.read(&self.provider);
            let stamp = found[&pair];
            if let Some(news) = shelf.put(pair.clone(), stamp, read, Certificate::is) {
                news.tell(&pair.chain);
            }
        }
        self.served.store(Arc::new(shelf.names(
            Certificate::expires,
            |certificate| certificate.names().iter().map(Box::from).collect(),
            Pair::name,
        )));
        Ok(())
    }

    /// Looks for changes again and again, with this time in between; each look asks the system for two files' dates a
    /// certificate. Certificates that have expired are told in the log once a day.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn watch(self: Arc<Self>, between: Duration) -> Infallible {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let mut told = None;
        loop {
            let folder = Arc::clone(&self);
            let scanned = tokio::task::spawn_blocking(move || folder.scan()).await;
            match scanned {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let path = self.path.display();
                    tracing::warn!(%error, %path, "certificates not looked at, those there are stay");
                }
                Err(error) => tracing::error!(%error, "looking at the certificates panicked"),
            }
            let now = self.clock.now();
            if told.is_none_or(|told| now.since(told) >= DAY) {
                self.tell_expired();
                told = Some(now);
            }
            tokio::time::sleep(between).await;
        }
    }

    fn tell_expired(&self) {
        for path in self.status().expired {
            tracing::warn!(path = %path.display(), "certificate has expired, and is served");
        }
    }

    /// What is here now.
    #[must_use]
    pub fn status(&self) -> CertFolderStatus {
        let now = self.clock.unix();
        let shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let held = || {
            shelf
                .iter()
                .filter_map(|(pair, held)| Some((pair, held.item.as_ref()?)))
        };
        let faults = shelf.iter().filter_map(|(pair, held)| {
            Some(CertFault {
                path: pair.chain.clone(),
                reason: held.fault.clone()?,
            })
        });
        let has_expired = |certificate: &Certificate| certificate.expires() <= now;
        CertFolderStatus {
            certificates: held().count(),
            faults: faults.collect(),
            expired: held()
                .filter(|(_, certificate)| has_expired(certificate))
                .map(|(pair, _)| pair.chain.clone())
                .collect(),
            next_expiry: held()
                .filter(|(_, certificate)| !has_expired(certificate))
                .map(|(_, certificate)| certificate.expires())
                .min(),
        }
    }
}

impl CertSource for CertFolder {
    fn certificate(&self, name: Option<&DomainName>) -> Option<Arc<Certificate>> {
        let served = self.served.load();
        let of = |name: &DomainName| {
            let name = name.as_str();
            let exact = served.get(name);
            exact
                .or_else(|| served.get(&*wildcard_above(name)?))
                .cloned()
        };
        name.and_then(of)
            .or_else(|| self.fallback.as_ref().and_then(of))
    }
}

impl fmt::Debug for CertFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertFolder")
            .field("path", &self.path)
            .field("fallback", &self.fallback)
            .finish_non_exhaustive()
    }
}
