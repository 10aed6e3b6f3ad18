use std::sync::Arc;

use tenancy_types::DomainName;

use super::Certificate;

/// Which certificate is shown to whom.
///
/// It is asked in the middle of a handshake and answers from memory: it must not wait.
pub trait CertSource: Send + Sync + 'static {
    /// The certificate for a client that asks for this name (RFC 6066, section 3), or for none. Without one the client is
    /// sent the alert `unrecognized_name`.
    fn certificate(&self, name: Option<&DomainName>) -> Option<Arc<Certificate>>;
}

impl<S: CertSource + ?Sized> CertSource for Arc<S> {
    fn certificate(&self, name: Option<&DomainName>) -> Option<Arc<Certificate>> {
        (**self).certificate(name)
    }
}
