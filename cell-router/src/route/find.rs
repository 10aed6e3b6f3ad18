use http::Extensions;
use tenancy_core::{
    Authority, Refusal,
    authority::{AuthorityError, Host, RequestHead, TrustedProxies},
    middleware::Peer,
};
use tenancy_types::{Answer, DomainName, Lookup, Route};

use crate::RouteKey;

/// Finds the route of a request.
#[derive(Clone)]
pub(crate) struct Finder<L> {
    pub(crate) routes: L,
    /// Below it, the label is a tenant's slug.
    pub(crate) platform: Option<DomainName>,
    pub(crate) proxies: TrustedProxies,
}

/// What a request's host is.
pub(crate) enum Found {
    /// Known.
    Known(Route),
    /// A name that could be a tenant's.
    Unknown(RouteKey),
    /// No tenant's: an address, or below the platform what is no slug.
    Nobodys,
}

impl<L: Lookup> Finder<L> {
    /// Looks for the host of a request with these extensions.
    pub(crate) fn find(
        &self,
        head: RequestHead<'_>,
        extensions: &Extensions,
    ) -> Result<Found, Refusal> {
        if let Some(peer) = self.trusted(extensions) {
            return self.parse(Authority::from_forwarded_request(
                head,
                peer.0,
                &self.proxies,
            ));
        }
        // Nearly every host is written as the table has it, and is found without a copy.
        if let Some(name) = head.plain_name()
            && let Answer::Hit(route) = self.ask(name)
        {
            return Ok(Found::Known(route));
        }
        self.parse(Authority::from_request(head))
    }

    fn trusted(&self, extensions: &Extensions) -> Option<Peer> {
        let peer = extensions.get::<Peer>().copied();
        peer.filter(|peer| self.proxies.trusts(peer.0))
    }

    fn parse(&self, authority: Result<Authority, AuthorityError>) -> Result<Found, Refusal> {
        let Host::Name(domain) = authority?.into_host() else {
            return Ok(Found::Nobodys);
        };
        match self.ask(domain.as_str()) {
            Answer::Hit(route) => Ok(Found::Known(route)),
            Answer::NotReady => Err(Refusal::DirectoryUnavailable),
            Answer::Absent => Ok(self.unknown(domain)),
        }
    }

    fn ask(&self, name: &str) -> Answer {
        match self.label(name) {
            Some(label) => self.routes.lookup_slug(label),
            None => self.routes.lookup_host(name),
        }
    }

    fn unknown(&self, domain: DomainName) -> Found {
        match self.label(domain.as_str()).map(str::parse) {
            None => Found::Unknown(RouteKey::Domain(domain)),
            Some(Ok(slug)) => Found::Unknown(RouteKey::Slug(slug)),
            Some(Err(_)) => Found::Nobodys,
        }
    }

    fn label<'a>(&self, name: &'a str) -> Option<&'a str> {
        let platform = self.platform.as_ref()?;
        let label = name.strip_suffix(platform.as_str())?.strip_suffix('.')?;
        (!label.contains('.')).then_some(label)
    }
}
