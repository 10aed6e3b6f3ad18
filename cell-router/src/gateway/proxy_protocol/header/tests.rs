use proptest::prelude::*;

use super::{FIXED, Fault, LONGEST_REST, Progress, Sender, read};
use crate::gateway::Security;

/// From the specification, section 2.2: the signature as it stands there, byte by byte.
const SIGNATURE: [u8; 12] = [
    0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
];

fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend([command, family]);
    bytes.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
    bytes.extend(rest);
    bytes
}

/// 192.0.2.1:56324 to 198.51.100.7:443.
const V4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 7, 0xdc, 0x04, 0x01, 0xbb];

fn v6() -> Vec<u8> {
    let mut bytes = vec![0x20, 0x01, 0x0d, 0xb8];
    bytes.extend([0; 11]);
    bytes.push(1);
    bytes.extend([0xfe, 0x80]);
    bytes.extend([0; 13]);
    bytes.push(2);
    bytes.extend([0xdc, 0x04, 0x01, 0xbb]);
    bytes
}

fn client(from: &str, to: &str, security: Security) -> Result<Progress, Fault> {
    let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
    Ok(Progress::Whole(Sender::Client { from, to, security }))
}

#[track_caller]
fn check(command: u8, family: u8, rest: &[u8], expect: Result<Progress, Fault>) {
    assert_eq!(read(&header(command, family, rest)), expect);
}

#[test]
fn addresses_are_read() {
    let v4 = || client("192.0.2.1:56324", "198.51.100.7:443", Security::Plain);
    let v6_read = || client("[2001:db8::1]:56324", "[fe80::2]:443", Security::Plain);
    check(0x21, 0x11, &V4, v4());
    check(0x21, 0x12, &V4, v4());
    check(0x21, 0x21, &v6(), v6_read());
    check(0x21, 0x22, &v6(), v6_read());
}

/// Section 2.2.6: type, length, then the client's bits and four bytes of whether it was verified.
#[test]
fn tls_before_the_proxy_counts_and_other_extensions_are_passed_over() {
    let with = |extensions: &[u8]| [&V4[..], extensions].concat();
    let v4 = |security| client("192.0.2.1:56324", "198.51.100.7:443", security);
    // PP2_TYPE_ALPN, PP2_TYPE_AUTHORITY, PP2_TYPE_NOOP, one of Amazon's.
    let others = [
        1, 0, 2, b'h', b'2', 2, 0, 1, b'a', 4, 0, 0, 0xea, 0, 2, 1, b'x',
    ];
    check(0x21, 0x11, &with(&others), v4(Security::Plain));
    let spoken = [0x20, 0, 5, 1, 0, 0, 0, 0];
    let both = [&others[..], &spoken].concat();
    check(0x21, 0x11, &with(&both), v4(Security::Tls));
    let not_spoken = [0x20, 0, 5, 6, 0, 0, 0, 0];
    check(0x21, 0x11, &with(&not_spoken), v4(Security::Plain));
    for broken in [&[4, 0][..], &[4, 0, 1], &[0x20, 1, 0, 1], &[7]] {
        check(0x21, 0x11, &with(broken), Err(Fault::Extension));
    }
}

#[test]
fn connections_of_the_proxy_itself_keep_their_addresses() {
    let proxy = Ok(Progress::Whole(Sender::Proxy));
    check(0x20, 0x00, &[], proxy);
    // LOCAL: whatever the block says is discarded.
    check(0x20, 0x11, &V4, proxy);
    check(0x20, 0xff, &[1, 2, 3], proxy);
    check(0x21, 0x00, &[], proxy);
    check(0x21, 0x00, &[9; 40], proxy);
    check(0x21, 0x31, &[0; 216], proxy);
    check(0x21, 0x32, &[0; 300], proxy);
}

#[test]
fn what_is_no_header_is_refused() {
    let too_short = |length| Err(Fault::Length { length });
    check(0x21, 0x11, &V4[..11], too_short(11));
    check(0x21, 0x21, &v6()[..35], too_short(35));
    check(0x21, 0x31, &[0; 215], too_short(215));
    check(0x22, 0x11, &V4, Err(Fault::Command));
    check(0x11, 0x11, &V4, Err(Fault::Version));
    check(0x31, 0x11, &V4, Err(Fault::Version));
    for family in [0x01, 0x10, 0x13, 0x20, 0x41, 0xf1] {
        check(0x21, family, &v6(), Err(Fault::Family));
    }
    let mut long = header(0x21, 0x11, &[0; LONGEST_REST]);
    assert!(read(&long).is_err(), "its extensions are none");
    long[14..16].copy_from_slice(&(LONGEST_REST as u16 + 1).to_be_bytes());
    let too_long = too_short(LONGEST_REST + 1);
    assert_eq!(read(&long[..FIXED]), too_long, "before the rest has come");
    for other in [
        &b"GET / HTTP/1.1"[..],
        b"P",
        b"PROXY TCP4 ",
        b"\x16\x03",
        b"\r\n\r\n\r",
    ] {
        assert_eq!(read(other), Err(Fault::Signature), "{other:?}");
    }
}

fn senders() -> impl Strategy<Value = (u8, u8)> {
    let families = prop::sample::select(vec![0x00, 0x11, 0x12, 0x21, 0x22, 0x31, 0x41]);
    (0x1f_u8..0x23, families)
}

proptest! {
    /// Byte by byte or all at once: the same is read, and nothing behind the header is asked for.
    #[test]
    fn it_does_not_matter_how_the_bytes_come(
        (command, family) in senders(),
        rest in prop::collection::vec(any::<u8>(), 0..300),
        fix in any::<bool>(),
    ) {
        let mut rest = rest;
        if fix && rest.len() > 12 {
            // Extensions that are whole: one of all that is left.
            rest.truncate(12 + (rest.len() - 12).max(3));
            rest.resize(rest.len().max(15), 0);
            let length = u16::try_from(rest.len() - 15).unwrap().to_be_bytes();
            rest[12..15].copy_from_slice(&[4, length[0], length[1]]);
        }
        let bytes = header(command, family, &rest);
        let whole = read(&bytes);
        for end in 0..bytes.len() {
            match read(&bytes[..end]) {
                Ok(Progress::More(more)) => {
                    prop_assert!(more > 0 && end + more <= bytes.len(), "{more} at {end}");
                }
                Ok(Progress::Whole(_)) => prop_assert!(false, "whole at {end}"),
                Err(fault) => prop_assert_eq!(Err(fault), whole),
            }
        }
        prop_assert!(!matches!(whole, Ok(Progress::More(_))));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), signed: bool) {
        let _ = read(&bytes);
        if signed {
            let _ = read(&[&SIGNATURE[..], &bytes].concat());
            let _ = read(&[&SIGNATURE[..], &[0x21, 0x11], &bytes].concat());
        }
    }
}
