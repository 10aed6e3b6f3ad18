//! Secrets from the operating system.

use std::fmt::Write;

/// So many random bytes in hexadecimal.
///
/// # Panics
/// When the operating system gives no randomness; nothing secret can be made then.
#[must_use]
pub(crate) fn hex<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
        .iter()
        .fold(String::with_capacity(BYTES * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
