//! What a server keeps instead of a password: a verifier of SCRAM-SHA-256 (RFC 5802, RFC 7677). Who has it can
//! check the password, and cannot log in with it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use crate::keys::hmac::Hmac;

/// As many as Postgres itself makes unless it is told otherwise.
const ITERATIONS: u32 = 4096;

/// In the form in which Postgres keeps it: `SCRAM-SHA-256$4096:{salt}${stored key}:{server key}`. Only letters,
/// digits and `-$:+/=`, so that it stands in SQL as it is.
pub(super) fn verifier(password: &str, salt: &[u8]) -> String {
    // What cannot be prepared is taken as it is, by Postgres and its clients too.
    let prepared = stringprep::saslprep(password);
    let password = prepared.as_deref().unwrap_or(password);
    let salted = Hmac::new(&salted(password.as_bytes(), salt));
    let stored_key = Sha256::digest(salted.mac(&[b"Client Key"]));
    let server_key = salted.mac(&[b"Server Key"]);
    format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored_key),
        STANDARD.encode(server_key)
    )
}

/// `Hi` of RFC 5802, which is PBKDF2 with one block.
fn salted(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let password = Hmac::new(password);
    let mut last = password.mac(&[salt, &1_u32.to_be_bytes()]);
    let mut sum = last;
    for _ in 1..ITERATIONS {
        last = password.mac(&[&last]);
        for (sum, byte) in sum.iter_mut().zip(last) {
            *sum ^= byte;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::{STANDARD, verifier};
    use base64::Engine as _;

    /// The password and salt of RFC 7677, section 3. The keys lead to the proof and the signature that stand
    /// there.
    #[test]
    fn it_is_the_verifier_of_the_rfc() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        assert_eq!(
            verifier("pencil", &salt),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
             WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    /// RFC 4013: what looks the same is the same.
    #[test]
    fn a_password_is_prepared() {
        assert_eq!(verifier("I\u{ad}X", b"s"), verifier("IX", b"s"));
        assert_eq!(verifier("\u{2168}", b"s"), verifier("IX", b"s"));
        assert_ne!(verifier("ix", b"s"), verifier("IX", b"s"));
    }
}
