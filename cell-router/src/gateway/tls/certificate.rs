use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use rustls::{
    Error, InconsistentKeys,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use tenancy_types::UnixMicros;
use x509_parser::{extensions::GeneralName, prelude::FromDer as _, prelude::X509Certificate};

use super::InvalidCertificate;
use crate::gateway::CertificateNames;

/// A chain of certificates with the first one's key.
pub struct Certificate {
    key: Arc<CertifiedKey>,
    names: Arc<CertificateNames>,
    expires: UnixMicros,
}

impl Certificate {
    /// Reads a chain, the host's own certificate first, and its key (PKCS #8, PKCS #1 or SEC 1), both as PEM. Their kinds
    /// are those that the provider knows.
    ///
    /// # Errors
    /// [`InvalidCertificate`]. Whether it has expired, or anybody trusts it, is not looked at.
    pub fn from_pem(
        chain: &[u8],
        key: &[u8],
        provider: &CryptoProvider,
    ) -> Result<Self, InvalidCertificate> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| InvalidCertificate::Chain {
                source: error.into(),
            })?;
        let end_entity = chain.first().ok_or(InvalidCertificate::Missing)?;
        let (names, expires) = read(end_entity)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| InvalidCertificate::Key {
            source: error.into(),
        })?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(refused)?;
        Ok(Self {
            key: Arc::new(key),
            names: Arc::new(names),
            expires,
        })
    }

    /// What it is for.
    #[must_use]
    pub fn names(&self) -> &CertificateNames {
        &self.names
    }

    /// Until when it is good.
    #[must_use]
    pub fn expires(&self) -> UnixMicros {
        self.expires
    }

    pub(super) fn shared_names(&self) -> Arc<CertificateNames> {
        Arc::clone(&self.names)
    }

    pub(super) fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }

    /// Whether the other one is the same certificate.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.key.cert == other.key.cert
    }
}

fn refused(error: Error) -> InvalidCertificate {
    match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => InvalidCertificate::Mismatch,
        other => InvalidCertificate::Key {
            source: other.into(),
        },
    }
}

fn read(der: &CertificateDer<'_>) -> Result<(CertificateNames, UnixMicros), InvalidCertificate> {
    let malformed = |error: String| InvalidCertificate::Malformed {
        source: error.into(),
    };
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|error| malformed(error.to_string()))?;
    let names = certificate.subject_alternative_name();
    let names = names.map_err(|error| malformed(error.to_string()))?;
    let names: Vec<String> = names
        .iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(host)
        .collect();
    if names.is_empty() {
        return Err(InvalidCertificate::Nameless);
    }
    let seconds = certificate.validity().not_after.timestamp();
    let expires = UnixMicros::new(seconds.saturating_mul(1_000_000));
    Ok((CertificateNames::new(names), expires))
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
        16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
        _ => None,
    }
}

/// Without the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}
