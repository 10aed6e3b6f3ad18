//! The innermost service of a gateway: to an upstream and back.

mod answer;
mod body;
mod client;
mod connect;
mod future;
mod gate;
mod http2;
mod request;
mod request_body;
mod service;
mod upload;
mod upstream;

pub use body::ProxyBody;
pub use future::ProxyFuture;
pub use service::Proxy;
pub use upstream::{Protocol, Upstream, UpstreamExtension, UpstreamOf};
