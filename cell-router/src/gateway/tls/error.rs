use std::borrow::Cow;

use tenancy_types::{Code, Kind, Problem, Retry};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCertificate {
    /// The chain is no PEM, or is cut off.
    #[error("the chain is not whole PEM")]
    Chain {
        /// What is wrong with it.
        source: Source,
    },
    /// There is no certificate in the chain.
    #[error("there is no certificate")]
    Missing,
    /// The key is no PEM, of no kind that is known, or is cut off.
    #[error("the private key cannot be read")]
    Key {
        /// What is wrong with it.
        source: Source,
    },
    /// The key belongs to another certificate.
    #[error("key and certificate do not match")]
    Mismatch,
    /// The certificate is malformed.
    #[error("the certificate is malformed")]
    Malformed {
        /// What is wrong with it.
        source: Source,
    },
    /// The certificate is for no host.
    #[error("the certificate has no subject alternative names")]
    Nameless,
}

impl Problem for InvalidCertificate {
    fn code(&self) -> Code {
        Code::new("certificate_invalid")
    }

    fn kind(&self) -> Kind {
        Kind::Internal
    }

    fn retry(&self) -> Retry {
        Retry::No
    }

    fn client_text(&self) -> Cow<'static, str> {
        "something went wrong on our side".into()
    }
}

/// The cryptography that the application chose has nothing that TLS 1.2 or 1.3 needs.
#[derive(Debug, thiserror::Error)]
#[error("the provider of cryptography is not usable")]
pub struct UnusableProvider {
    pub(super) source: Source,
}

impl Problem for UnusableProvider {
    fn code(&self) -> Code {
        Code::new("internal")
    }

    fn kind(&self) -> Kind {
        Kind::Internal
    }

    fn retry(&self) -> Retry {
        Retry::No
    }

    fn client_text(&self) -> Cow<'static, str> {
        "something went wrong on our side".into()
    }
}
