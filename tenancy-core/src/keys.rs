//! Keys that processes of one platform share: what one signs, the others check.
//!
//! A [`Keyring`] has one key that signs, and others that are only checked with, so that a key can be changed without a moment
//! in which somebody refuses what somebody else has just signed:
//!
//! 1. add the new key to everybody's ring, for checking;
//! 2. when all have it, let it sign;
//! 3. when nothing that the old one has signed is valid any more, take the old one away.
//!
//! Signatures are HMAC-SHA256 (RFC 2104), of which 128 bits are kept, over what is signed and a purpose: a signature that was
//! made for one purpose is none for another.

pub(crate) mod hex;
pub(crate) mod hmac;
mod live;
mod ring;
mod ring_error;
mod secret;
mod token;

pub use live::LiveKeyring;
pub use ring::Keyring;
pub use ring_error::{KeyLine, KeyringError};
pub use secret::{InvalidKey, InvalidKeyId, SecretKey, Signature};
pub use token::TokenRefused;
