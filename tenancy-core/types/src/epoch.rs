use std::{fmt, str::FromStr};

/// Who owns a tenant: `(incarnation, seq)`, ordered, written `0.7`.
///
/// `seq` rises at a flip, an abort and a lifecycle change; the incarnation rises when the directory itself
/// was restored. 48 bits, so that a [`Placement`](crate::Placement) fits a machine word. Epochs are never
/// reused: an aborted one is burnt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch {
    incarnation: u16,
    seq: u32,
}

impl Epoch {
    /// The epoch of a tenant that has just been created: `0.1`.
    pub const FIRST: Self = Self {
        incarnation: 0,
        seq: 1,
    };

    /// An epoch from its two parts.
    #[must_use]
    pub const fn new(incarnation: u16, seq: u32) -> Self {
        Self { incarnation, seq }
    }

    /// How often the directory had been restored when this epoch was issued.
    #[must_use]
    pub const fn incarnation(self) -> u16 {
        self.incarnation
    }

    /// The number within the incarnation.
    #[must_use]
    pub const fn seq(self) -> u32 {
        self.seq
    }

    /// The following epoch of the same incarnation.
    ///
    /// # Errors
    /// [`EpochExhausted`] after 2^32 - 1 changes in one incarnation.
    pub const fn next(self) -> Result<Self, EpochExhausted> {
        match self.seq.checked_add(1) {
            Some(seq) => Ok(Self { seq, ..self }),
            None => Err(EpochExhausted {
                incarnation: self.incarnation,
            }),
        }
    }

    /// The epoch as 48 bits, in the same order.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        ((self.incarnation as u64) << 32) | self.seq as u64
    }

    /// The epoch of 48 bits; higher bits are ignored.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self {
            incarnation: (bits >> 32) as u16,
            seq: bits as u32,
        }
    }

    /// The epoch as databases store it: a positive `BIGINT` in the same order.
    #[must_use]
    pub const fn as_i64(self) -> i64 {
        self.to_bits() as i64
    }
}

impl TryFrom<i64> for Epoch {
    type Error = InvalidEpoch;

    fn try_from(stored: i64) -> Result<Self, Self::Error> {
        match u64::try_from(stored) {
            Ok(bits) if bits < 1 << 48 => Ok(Self::from_bits(bits)),
            _ => Err(InvalidEpoch {
                found: stored.to_string().into(),
            }),
        }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation, self.seq)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Epoch {
    type Err = InvalidEpoch;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once('.')
            .and_then(|(incarnation, seq)| {
                Some(Self::new(incarnation.parse().ok()?, seq.parse().ok()?))
            })
            .ok_or_else(|| InvalidEpoch { found: text.into() })
    }
}

/// A text or number that is no [`Epoch`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an epoch is written like 0.7, not {found:?}")]
pub struct InvalidEpoch {
    /// What was found instead.
    pub found: Box<str>,
}

/// All epochs of an incarnation are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all epochs of incarnation {incarnation} are used up")]
pub struct EpochExhausted {
    /// The incarnation.
    pub incarnation: u16,
}
