//! To come.

mod authority;

#[cfg(feature = "http")]
pub use authority::{
    AuthorityError, InvalidNetwork, Network, Place, RequestHead, TrustedProxies,
};
pub use authority::{Authority, Host, InvalidAuthority};
