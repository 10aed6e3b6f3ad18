use std::{io, path::PathBuf};

use super::InvalidKey;

/// Why there is no [`Keyring`](super::Keyring).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The file cannot be read.
    #[error("read the keys in {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Others than its owner may read or write it.
    #[error("{} has mode {mode:o}, and keys are for nobody but their owner (0600)", path.display())]
    NotPrivate {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A line is none.
    #[error("line {line}")]
    Line {
        /// Which, from 1 on.
        line: usize,
        /// Why.
        #[source]
        why: KeyLine,
    },
    /// No line has a key that signs.
    #[error("no key signs: a line begins with sign")]
    NoSigner,
}

/// What is wrong with a line of keys. It repeats no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyLine {
    /// It has too many or too few words.
    #[error("a line has 3 words, not {found}")]
    Words {
        /// How many it has.
        found: usize,
    },
    /// The first word is none of those that there are.
    #[error("a key is for sign or verify, not {found:?}")]
    Purpose {
        /// The word.
        found: Box<str>,
    },
    /// Id or secret is none.
    #[error(transparent)]
    Key(InvalidKey),
    /// Two keys have one id.
    #[error("there is a key {id:?} already")]
    Twice {
        /// The id.
        id: Box<str>,
    },
    /// Another line has a key that signs.
    #[error("a second key that signs")]
    SecondSigner,
}
