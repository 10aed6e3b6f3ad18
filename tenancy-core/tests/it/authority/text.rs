//! From text.

use idna::uts46::{AsciiDenyList, Hyphens, Uts46};
use proptest::prelude::*;
use tenancy_core::authority::{Authority, Host, InvalidAuthority};
use tenancy_types::{Kind, Problem};

use super::{corpus, laws};

fn judge<T: ToString>(parsed: Result<T, InvalidAuthority>) -> String {
    match parsed {
        Ok(value) => value.to_string(),
        Err(error) => {
            assert_eq!(error.kind(), Kind::Invalid);
            assert_eq!(error.code().as_str(), "invalid_request");
            format!("! {}", error.client_text())
        }
    }
}

#[track_caller]
fn check(input: &str, expect: &str) {
    assert_eq!(judge(input.parse::<Authority>()), expect);
}

#[test]
fn the_corpus_is_read_as_written() {
    corpus::check("hosts.txt", |input| judge(input.parse::<Authority>()));
}

#[test]
fn the_laws_hold_over_the_corpus() {
    let inputs = corpus::inputs("hosts.txt");
    assert!(inputs.len() >= 120, "the corpus is there");
    for input in inputs {
        laws::check(&input);
    }
}

#[test]
fn lengths_are_limited() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    check(&longest, &longest);
    check(&format!("{longest}."), &longest);
    check(&format!("{longest}:65535"), &format!("{longest}:65535"));
    check(
        &format!("{longest}a"),
        "! not a valid domain name: the domain has 254 bytes, at most 253 are allowed",
    );
    check(&format!("{label}.example"), &format!("{label}.example"));
    check(
        &format!("x.{label}a.example"),
        "! not a valid domain name: the label at byte 2 of the domain has 64 bytes, 1 to 63 are allowed",
    );
    // 57 of these letters make an A-label of 63 bytes, though they are 114 in UTF-8.
    let letters = "ü".repeat(57);
    let mapped = letters.parse::<Host>().unwrap();
    assert_eq!(mapped.name().unwrap().as_str().len(), 63, "{mapped}");
    laws::check(&letters);
    laws::check(&"ü".repeat(58));
    "ü".repeat(58).parse::<Host>().unwrap_err();
    // What vanishes in mapping counts before it.
    check(
        &format!("shop.example{}", "\u{ad}".repeat(506)),
        "shop.example",
    );
    check(
        &format!("shop.example{}a", "\u{ad}".repeat(506)),
        "! 1025 bytes are too long for a host; the limit is 1024",
    );
}

#[test]
fn a_host_is_an_authority_without_a_port() {
    let parse = |text: &str| judge(text.parse::<Host>());
    assert_eq!(parse("Bücher.Example."), "xn--bcher-kva.example");
    assert_eq!(parse("[2001:DB8::1]"), "[2001:db8::1]");
    assert_eq!(
        parse("shop.example:80"),
        "! a port at byte 12, where only a host is wanted"
    );
    assert_eq!(
        parse("[::1]:"),
        "! a port at byte 5, where only a host is wanted"
    );
    assert_eq!(parse("127.1"), judge("127.1".parse::<Authority>()));
}

#[test]
fn the_parts_are_told_apart() {
    let authority: Authority = "shop.example:8080".parse().unwrap();
    assert_eq!(
        (authority.host().name().unwrap().as_str(), authority.port()),
        ("shop.example", Some(8080))
    );
    let address: Authority = "192.0.2.1".parse().unwrap();
    assert_eq!((address.host().name(), address.port()), (None, None));
    assert_eq!(address.into_host(), Host::V4([192, 0, 2, 1].into()));
}

/// Text near the borders: pieces that mean something to one parser or another.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z0-9]{1,8}",
        2 => Just(".".to_owned()),
        1 => "[A-Z_-]{1,3}",
        1 => "[:\\[\\]@%/,0-9 ]",
        1 => "[。．｡ａ-ｚ０-９ßüΣςא٠\u{ad}\u{200b}-\u{200d}\u{301}]{1,3}",
        1 => "(xn--|XN--)[a-z0-9-]{0,8}",
        1 => "0[xX]?[0-9a-f]{0,3}",
        1 => "(25[0-9]|[0-9]{1,3})(\\.[0-9]{1,3}){0,3}",
        1 => "\\[[0-9a-f:.]{0,12}\\]",
        1 => ":[0-9]{0,6}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn names() -> impl Strategy<Value = String> {
    "([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,10}[a-zA-Z0-9_])?\\.){0,4}[a-zA-Z_][a-zA-Z0-9_]{0,6}\\.?"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn the_laws_hold_for_any_text(text in any::<String>()) {
        laws::check(&text);
    }

    #[test]
    fn the_laws_hold_for_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        laws::check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn the_laws_hold_near_the_borders(text in pieces()) {
        laws::check(&text);
    }

    #[test]
    fn the_laws_hold_for_changed_corpus(
        input in prop::sample::select(corpus::inputs("hosts.txt")),
        at in any::<prop::sample::Index>(),
        insert in pieces(),
    ) {
        let mut chars: Vec<char> = input.chars().collect();
        let at = at.index(chars.len() + 1);
        chars.splice(at..at, insert.chars());
        laws::check(&chars.into_iter().collect::<String>());
    }

    #[test]
    fn names_with_ports_are_accepted(name in names(), port in 1_u16..) {
        prop_assume!(!name.to_ascii_lowercase().split('.').any(|label| label.starts_with("xn--")));
        let text = format!("{name}:{port}");
        let authority: Authority = text.parse().unwrap();
        prop_assert_eq!(authority.port(), Some(port));
        let normal = name.strip_suffix('.').unwrap_or(&name).to_ascii_lowercase();
        prop_assert_eq!(authority.host().name().unwrap().as_str(), normal);
        laws::check(&text);
    }

    #[test]
    fn addresses_are_accepted(v4 in any::<u32>(), v6 in any::<u128>(), port in 1_u16..) {
        let v4 = std::net::Ipv4Addr::from(v4);
        let v6 = std::net::Ipv6Addr::from(v6);
        let parse = |text: String| text.parse::<Authority>().unwrap();
        prop_assert_eq!(parse(format!("{v4}:{port}")).into_host(), Host::V4(v4));
        prop_assert_eq!(parse(format!("[{v6}]:{port}")).into_host(), Host::V6(v6));
        laws::check(&format!("[{v6}]"));
    }

    #[test]
    fn both_spellings_of_an_international_name_are_equal(label in "[a-zà-öø-ÿα-ωа-я]{1,12}") {
        let name = format!("{label}.example");
        // Letters of mixed direction or a leading mark cannot come from these ranges.
        let authority: Authority = name.parse().unwrap();
        let normal = authority.to_string();
        let (unicode, clean) = Uts46::new().to_unicode(
            normal.as_bytes(),
            AsciiDenyList::URL,
            Hyphens::CheckFirstLast,
        );
        prop_assert!(clean.is_ok());
        prop_assert_eq!(unicode.parse::<Authority>(), Ok(authority));
    }
}
