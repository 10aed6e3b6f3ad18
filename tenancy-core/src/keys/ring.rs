use std::{fs, path::Path};

use super::{KeyLine, KeyringError, SecretKey};

/// One key that signs, and all that are checked with.
///
/// As a file it has a key a line: what it is for, its id, and its secret in hexadecimal digits.
///
/// ```text
/// # From 2026-12-01 on the first one only.
/// sign   hop-2026-12 8f1d…
/// verify hop-2026-11 02ac…
/// ```
#[derive(Clone, Debug)]
pub struct Keyring {
    signing: SecretKey,
    others: Vec<SecretKey>,
}

impl Keyring {
    /// A ring with one key, which signs.
    #[must_use]
    pub const fn new(signing: SecretKey) -> Self {
        Self {
            signing,
            others: Vec::new(),
        }
    }

    /// Adds a key that is only checked with; of two with one id the first counts.
    #[must_use]
    pub fn with(mut self, key: SecretKey) -> Self {
        self.others.push(key);
        self
    }

    /// The key that signs.
    #[must_use]
    pub const fn signing(&self) -> &SecretKey {
        &self.signing
    }

    /// The key of this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&SecretKey> {
        let mut keys = [&self.signing].into_iter().chain(&self.others);
        keys.find(|key| key.id() == id)
    }

    /// Reads a file, which nobody but its owner may read or write.
    ///
    /// # Errors
    /// [`KeyringError`]; it repeats no secret.
    pub fn read(path: &Path) -> Result<Self, KeyringError> {
        let unreadable = |source| KeyringError::Unreadable {
            path: path.into(),
            source,
        };
        check_private(path)?;
        fs::read_to_string(path).map_err(unreadable)?.parse()
    }
}

#[cfg(unix)]
fn check_private(path: &Path) -> Result<(), KeyringError> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::metadata(path).map_err(|source| KeyringError::Unreadable {
        path: path.into(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyringError::NotPrivate {
            path: path.into(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_private(_: &Path) -> Result<(), KeyringError> {
    Ok(())
}

impl std::str::FromStr for Keyring {
    type Err = KeyringError;

    fn from_str(text: &str) -> Result<Self, KeyringError> {
        let mut signing = None;
        let mut others: Vec<SecretKey> = Vec::new();
        for (at, text) in text.lines().enumerate() {
            let line = at + 1;
            let wrong = |why| KeyringError::Line { line, why };
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let words: Vec<&str> = text.split_whitespace().collect();
            let &[purpose, id, digits] = words.as_slice() else {
                return Err(wrong(KeyLine::Words { found: words.len() }));
            };
            let key = SecretKey::from_hex(id, digits).map_err(|key| wrong(KeyLine::Key(key)))?;
            if others.iter().chain(&signing).any(|known| known.id() == id) {
                return Err(wrong(KeyLine::Twice { id: id.into() }));
            }
            match purpose {
                "sign" if signing.is_some() => return Err(wrong(KeyLine::SecondSigner)),
                "sign" => signing = Some(key),
                "verify" => others.push(key),
                _ => {
                    let found = purpose.into();
                    return Err(wrong(KeyLine::Purpose { found }));
                }
            }
        }
        let signing = signing.ok_or(KeyringError::NoSigner)?;
        Ok(Self { signing, others })
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn said(text: &str) -> String {
        let error = text.parse::<Keyring>().unwrap_err();
        match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }
    }

    #[test]
    fn a_file_has_a_key_a_line() {
        let (one, two) = ("ab".repeat(32), "cd".repeat(32));
        let ring = format!("# Keys\n\n  verify old {one}\nsign new {two}\r\n");
        let ring: Keyring = ring.parse().unwrap();
        assert_eq!(ring.signing().id(), "new");
        assert!(ring.find("old").is_some() && ring.find("new").is_some());
        assert!(ring.find("other").is_none());
        assert!(!format!("{ring:?}").contains("abab"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_without_the_secret() {
        let key = "ab".repeat(32);
        for (text, expect) in [
            ("", "no key signs: a line begins with sign"),
            (
                &format!("verify a {key}"),
                "no key signs: a line begins with sign",
            ),
            (
                &format!("sign a {key}\nsign b {key}"),
                "line 2: a second key that signs",
            ),
            (
                &format!("sign a {key}\nverify a {key}"),
                "line 2: there is a key \"a\" already",
            ),
            (
                &format!("#\nboth a {key}"),
                "line 2: a key is for sign or verify, not \"both\"",
            ),
            ("sign a", "line 1: a line has 3 words, not 2"),
            (
                "sign a abcd",
                "line 1: a key's secret is 64 hexadecimal digits",
            ),
            (
                &format!("sign A {key}"),
                "line 1: a key's id is 1 to 32 of a-z, 0-9 and -, not \"A\"",
            ),
        ] {
            assert_eq!(said(text), expect, "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_not_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        fs::write(&path, format!("sign a {}", "ab".repeat(32))).unwrap();
        for (mode, is_private) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match Keyring::read(&path) {
                Ok(_) => assert!(is_private, "{mode:o}"),
                Err(error) => {
                    assert!(!is_private, "{mode:o}: {error}");
                    assert!(error.to_string().contains(&format!("{mode:o}")), "{error}");
                }
            }
        }
        let missing = Keyring::read(&folder.path().join("none")).unwrap_err();
        assert!(matches!(missing, KeyringError::Unreadable { .. }));
    }
}
