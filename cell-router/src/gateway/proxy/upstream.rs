use http::{Extensions, uri::Authority};

/// Where a request is sent. An earlier layer leaves it in the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// Host and port. A name is resolved whenever a connection is made, by the operating system.
    pub authority: Authority,
    /// What is spoken there.
    pub protocol: Protocol,
}

/// What is spoken with an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1: many connections, one request at a time on each. Upgrades work.
    Http1,
    /// HTTP/2 without TLS and without asking (RFC 9113, section 3.3): one connection, many requests at a time. No
    /// upgrades.
    Http2,
}

impl Upstream {
    /// An upstream that speaks HTTP/1.1.
    #[must_use]
    pub fn http1(authority: Authority) -> Self {
        let protocol = Protocol::Http1;
        Self {
            authority,
            protocol,
        }
    }

    /// An upstream that speaks HTTP/2 from the first byte, without TLS.
    #[must_use]
    pub fn http2(authority: Authority) -> Self {
        let protocol = Protocol::Http2;
        Self {
            authority,
            protocol,
        }
    }
}

/// How the proxy learns where a request goes: from what an earlier layer left in its extensions. Closures are such, and
/// so is an [`Upstream`] itself, for a proxy that knows only one: the service of a remote cell among
/// [`Cells`](crate::Cells).
pub trait UpstreamOf: Clone + Send + Sync + 'static {
    /// The upstream, or `None` when no layer left one.
    fn upstream(&self, extensions: &Extensions) -> Option<Upstream>;
}

impl<F> UpstreamOf for F
where
    F: Fn(&Extensions) -> Option<Upstream> + Clone + Send + Sync + 'static,
{
    fn upstream(&self, extensions: &Extensions) -> Option<Upstream> {
        self(extensions)
    }
}

impl UpstreamOf for Upstream {
    fn upstream(&self, _: &Extensions) -> Option<Upstream> {
        Some(self.clone())
    }
}

/// Reads an [`Upstream`] that stands in the extensions itself: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct UpstreamExtension;

impl UpstreamOf for UpstreamExtension {
    fn upstream(&self, extensions: &Extensions) -> Option<Upstream> {
        extensions.get().cloned()
    }
}
