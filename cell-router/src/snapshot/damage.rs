use tenancy_types::Revision;

/// Why a snapshot cannot be read. Nothing of it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// It does not begin as a snapshot does.
    #[error("it is no snapshot of routes")]
    Magic,
    /// It is of a version that this program does not read.
    #[error("it is of version {found} of the format, which is not known here")]
    Version {
        /// Its version.
        found: u16,
    },
    /// It is a log where a base should be, or the other way round.
    #[error("it is of the wrong kind")]
    WrongKind,
    /// Something was changed on the way.
    #[error("a checksum does not fit")]
    Checksum,
    /// A length is beyond what the format allows.
    #[error("a block of {found} bytes is too long")]
    Length {
        /// The length it claims.
        found: u32,
    },
    /// It breaks off.
    #[error("it breaks off")]
    Truncated,
    /// Something stands behind its end.
    #[error("there is something behind its end")]
    Trailing,
    /// A record cannot be understood, though its checksum fits: it was written by a defect.
    #[error("a record cannot be understood")]
    Record,
    /// It does not hold as many facts as it says.
    #[error("it does not hold as many facts as it says")]
    Counts,
    /// Revisions do not rise in a log.
    #[error("revision {found} stands behind revision {after}")]
    Order {
        /// The revision that is too low.
        found: Revision,
        /// The one before it.
        after: Revision,
    },
    /// A log begins behind the end of what it should continue, or is of another history.
    #[error("a log does not continue what is before it")]
    Hole,
}
