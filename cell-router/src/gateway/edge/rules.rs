//! What the edge does with a request's head. Pure.

use http::{HeaderValue, Method, Request, Uri, Version, header::HOST};
use tenancy_core::authority::{Authority, RequestHead, TrustedProxies};

use super::Passport;
use crate::gateway::{
    ConnectionInfo, FramingFault, GatewayError, Pseudonym, framing,
    headers::{
        forwarded::{self, Sender, Standing},
        hop_by_hop,
        max_forwards::{self, Forward},
    },
};

#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) via: Pseudonym,
    pub(super) proxies: TrustedProxies,
    /// The longest target, in bytes.
    pub(super) longest_target: usize,
}

impl Rules {
    /// Refuses or cleans a head. What is refused may be half cleaned.
    pub(super) fn apply<B>(
        &self,
        request: &mut Request<B>,
        connection: &ConnectionInfo,
    ) -> Result<(Passport, Forward), GatewayError> {
        self.check(request)?;
        let said_host = self.host(request, connection)?;
        let version = request.version();
        name_host(request);
        let hop = hop_by_hop::strip(request.headers_mut())?;
        let method = request.method().clone();
        let forward = max_forwards::count(&method, request.headers_mut())?;
        let headers = request.headers_mut();
        let sender = Sender {
            address: connection.address(),
            security: connection.security(),
            standing: self.standing(connection),
            said_host: said_host.as_deref(),
        };
        forwarded::tell(headers, sender);
        self.via.append_to(headers, version);
        // Upgrades are HTTP/1.1's (RFC 9110, section 7.8); one to HTTP/2 would be a way around everything here.
        let upgrade = hop
            .upgrade
            .filter(|to| version == Version::HTTP_11 && !is_http(to));
        let passport = Passport {
            upgrade,
            via: self.via.clone(),
        };
        Ok((passport, forward))
    }

    fn check<B>(&self, request: &Request<B>) -> Result<(), GatewayError> {
        if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
            return Err(GatewayError::Method);
        }
        let length = target_length(request.uri());
        if length > self.longest_target {
            let most = self.longest_target;
            return Err(GatewayError::TargetTooLong { length, most });
        }
        let path = request.uri().path();
        let is_asterisk = path == "*" && *request.method() == Method::OPTIONS;
        if !path.starts_with('/') && !is_asterisk {
            return Err(FramingFault::Target.into());
        }
        Ok(framing::check(request.version(), request.headers())?)
    }

    /// Refuses a host that is doubtful; a host that a proxy of ours said is returned.
    fn host<B>(
        &self,
        request: &Request<B>,
        connection: &ConnectionInfo,
    ) -> Result<Option<String>, GatewayError> {
        let head = RequestHead::from(request);
        if self.standing(connection) == Standing::Proxy {
            let peer = connection.peer().ip();
            let said = Authority::from_forwarded_request(head, peer, &self.proxies)?;
            return Ok(Some(said.to_string()));
        }
        // Nearly every host is written in its normal form, which is seen without a copy.
        match head.plain_name() {
            Some(name) => is_covered(connection, name)?,
            None => is_covered(
                connection,
                &Authority::from_request(head)?.host().to_string(),
            )?,
        }
        Ok(None)
    }

    fn standing(&self, connection: &ConnectionInfo) -> Standing {
        match self.proxies.trusts(connection.peer().ip()) {
            true => Standing::Proxy,
            false => Standing::Client,
        }
    }
}

/// A client may use a connection for each host that its certificate covers (RFC 9113, section 9.1.1), and none else: it
/// has proven nothing about others.
fn is_covered(connection: &ConnectionInfo, host: &str) -> Result<(), GatewayError> {
    match connection.certificate() {
        Some(names) if !names.covers(host) => Err(GatewayError::Misdirected),
        _ => Ok(()),
    }
}

fn target_length(uri: &Uri) -> usize {
    uri.path_and_query()
        .map_or(0, |target| target.as_str().len())
}

/// Puts the host into `Host` where the target has it (HTTP/2, and the absolute form in HTTP/1.0). Where both have it,
/// they agree.
fn name_host<B>(request: &mut Request<B>) {
    if request.headers().contains_key(HOST) {
        return;
    }
    let target = request.uri().authority();
    let host = target.and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
}

/// `h2c`, `HTTP/2.0`, `TLS/1.0` and their like, as any member of the list.
fn is_http(upgrade: &HeaderValue) -> bool {
    let mut members = upgrade.as_bytes().split(|byte| *byte == b',');
    members.any(|member| {
        let member = member.trim_ascii().to_ascii_lowercase();
        member.starts_with(b"h2") || member.starts_with(b"http") || member.starts_with(b"tls")
    })
}
