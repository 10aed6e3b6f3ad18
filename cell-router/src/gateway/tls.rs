//! TLS by rustls: certificates by the name that the client asks for.

mod acceptor;
mod certificate;
mod error;
mod folder;
mod opening;
mod source;

pub use acceptor::TlsAcceptor;
pub use certificate::Certificate;
pub use error::{InvalidCertificate, UnusableProvider};
pub use folder::{CertFault, CertFolder, CertFolderStatus};
pub use source::CertSource;
