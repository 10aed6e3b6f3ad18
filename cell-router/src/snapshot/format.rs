//! The fixed parts of the format: header, block heads, end.

use tenancy_types::{DirectoryId, History, Position, Revision};

use super::{Damage, size::Totals};

/// Its first byte is no text, and a line feed follows, so that a transfer as text is noticed (as in RFC 2083, section
/// 12.11). Read as a length it is far beyond [`BLOCK`], so a header cannot be taken for a block.
const MAGIC: [u8; 8] = *b"\x8aRoutes\n";
const VERSION: u16 = 1;

pub(super) const HEADER: usize = 44;
/// Length and checksum.
pub(super) const BLOCK_HEAD: usize = 8;
/// The most bytes of records in a block.
pub(super) const BLOCK: usize = 65_536;
/// Length 0, checksum, and what is counted.
pub(super) const END: usize = BLOCK_HEAD + 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Base = 1,
    Log = 2,
}

/// What a file is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(super) kind: Kind,
    /// Of a base: what it contains. Of a log: behind what it begins.
    pub(super) position: Position,
}

/// The checksum of what was written or read so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain(u32);

impl Chain {
    fn start(header: &[u8]) -> Self {
        Self(crc32c::crc32c(header))
    }

    /// Goes on over a block: its length, then its records.
    #[must_use]
    pub(super) fn over(self, length: u32, content: &[u8]) -> Self {
        let length = crc32c::crc32c_append(self.0, &length.to_le_bytes());
        Self(crc32c::crc32c_append(length, content))
    }

    pub(super) fn to_bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    pub(super) fn fits(self, stored: &[u8]) -> bool {
        stored == self.to_bytes()
    }
}

impl Header {
    pub(super) fn write(self) -> ([u8; HEADER], Chain) {
        let mut bytes = [0; HEADER];
        let History {
            directory,
            incarnation,
        } = self.position.history;
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[10] = self.kind as u8;
        bytes[12..14].copy_from_slice(&incarnation.to_le_bytes());
        bytes[16..32].copy_from_slice(&directory.as_u128().to_le_bytes());
        bytes[32..40].copy_from_slice(&self.position.revision.get().to_le_bytes());
        let chain = Chain::start(&bytes[..40]);
        bytes[40..].copy_from_slice(&chain.to_bytes());
        (bytes, chain)
    }

    pub(super) fn read(bytes: &[u8; HEADER]) -> Result<(Self, Chain), Damage> {
        if bytes[..8] != MAGIC {
            return Err(Damage::Magic);
        }
        let version = u16::from_le_bytes(part(bytes, 8));
        let chain = Chain::start(&bytes[..40]);
        // A later version may have its checksum elsewhere, so the version is looked at first.
        if version != VERSION {
            return Err(Damage::Version { found: version });
        }
        if !chain.fits(&bytes[40..]) {
            return Err(Damage::Checksum);
        }
        let kind = match bytes[10] {
            1 => Kind::Base,
            2 => Kind::Log,
            _ => return Err(Damage::Record),
        };
        let history = History {
            directory: DirectoryId::from_u128(u128::from_le_bytes(part(bytes, 16))),
            incarnation: u16::from_le_bytes(part(bytes, 12)),
        };
        let revision = Revision::new(u64::from_le_bytes(part(bytes, 32)));
        let position = Position { history, revision };
        Ok((Self { kind, position }, chain))
    }
}

/// Whether a header begins where a block could.
pub(super) fn is_header(start: &[u8]) -> bool {
    start[..4] == MAGIC[..4]
}

pub(super) fn write_end(totals: Totals, chain: Chain) -> [u8; END] {
    let mut bytes = [0; END];
    let counts = [totals.facts, totals.tenants, totals.names];
    for (at, count) in counts.into_iter().enumerate() {
        bytes[BLOCK_HEAD + at * 8..][..8].copy_from_slice(&count.to_le_bytes());
    }
    let chain = chain.over(0, &bytes[BLOCK_HEAD..]);
    bytes[4..8].copy_from_slice(&chain.to_bytes());
    bytes
}

pub(super) fn read_end(bytes: &[u8; END], chain: Chain) -> Result<Totals, Damage> {
    if !chain.over(0, &bytes[BLOCK_HEAD..]).fits(&bytes[4..8]) {
        return Err(Damage::Checksum);
    }
    Ok(Totals {
        facts: u64::from_le_bytes(part(bytes, 8)),
        tenants: u64::from_le_bytes(part(bytes, 16)),
        names: u64::from_le_bytes(part(bytes, 24)),
    })
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N]
        .try_into()
        .expect("the parts are inside the fixed lengths")
}
