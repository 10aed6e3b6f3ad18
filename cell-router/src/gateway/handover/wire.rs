//! What the two processes of a handover say. Pure.
//!
//! The taker begins: [`MAGIC`] and its version. The offerer answers with [`MAGIC`], the version to be spoken, and how many
//! TCP sockets come with this message, behind the socket of the conversation itself. From then on all is single bytes.

/// The version spoken here. A process must go on reading that of the one before it.
pub(super) const VERSION: u8 = 1;
/// The most TCP sockets of a process; the kernel itself passes no more than 253 at once.
pub(super) const MOST: usize = 64;
pub(super) const HELLO_BYTES: usize = 9;
pub(super) const SOCKETS_BYTES: usize = 10;

const MAGIC: &[u8; 8] = b"handover";

/// The taker is ready: from now on it accepts.
pub(super) const READY: u8 = b'r';
/// The sockets are the taker's; the offerer accepts no more.
pub(super) const GRANTED: u8 = b'g';
/// It took too long; the offerer goes on.
pub(super) const WITHDRAWN: u8 = b'w';

pub(super) fn hello() -> [u8; HELLO_BYTES] {
    let mut bytes = [VERSION; HELLO_BYTES];
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes
}

/// The version that both know, if it is a hello.
pub(super) fn read_hello(bytes: [u8; HELLO_BYTES]) -> Option<u8> {
    let version = bytes[MAGIC.len()];
    (bytes.starts_with(MAGIC) && version > 0).then_some(version.min(VERSION))
}

pub(super) fn sockets(version: u8, count: usize) -> [u8; SOCKETS_BYTES] {
    let count = u8::try_from(count).expect("no process has more than MOST");
    let mut bytes = [version; SOCKETS_BYTES];
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes[MAGIC.len() + 1] = count;
    bytes
}

/// How many TCP sockets are there, if that is what it says, in a version known here.
pub(super) fn read_sockets(bytes: [u8; SOCKETS_BYTES]) -> Option<usize> {
    let count = usize::from(bytes[MAGIC.len() + 1]);
    let is_known = bytes.starts_with(MAGIC) && bytes[MAGIC.len()] == VERSION;
    (is_known && count <= MOST).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::{MOST, VERSION, hello, read_hello, read_sockets, sockets};

    /// Version 1 as it was first written: never change it.
    #[test]
    fn the_first_version_stays_readable() {
        assert_eq!(hello(), *b"handover\x01");
        assert_eq!(sockets(1, 2), *b"handover\x01\x02");
    }

    #[test]
    fn both_speak_the_older_version() {
        assert_eq!(read_hello(hello()), Some(VERSION));
        assert_eq!(read_hello(*b"handover\xff"), Some(VERSION));
        assert_eq!(read_hello(*b"handover\0"), None);
        assert_eq!(read_hello(*b"GET / HTT"), None);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert_eq!(read_sockets(sockets(VERSION, MOST)), Some(MOST));
        assert_eq!(read_sockets(sockets(VERSION, MOST + 1)), None);
        assert_eq!(read_sockets(sockets(VERSION + 1, 1)), None);
        assert_eq!(read_sockets(*b"handoff_\x01\x01"), None);
    }
}
