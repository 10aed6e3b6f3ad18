//! Networks of trusted proxies.

use std::net::IpAddr;

use proptest::prelude::*;
use tenancy_core::authority::{Network, TrustedProxies};

#[track_caller]
fn check(input: &str, expect: &str) {
    let found = match input.parse::<Network>() {
        Ok(network) => network.to_string(),
        Err(error) => format!("! {error}"),
    };
    assert_eq!(found, expect);
}

#[test]
fn networks_are_read() {
    check("10.0.0.0/8", "10.0.0.0/8");
    check("192.0.2.7", "192.0.2.7/32");
    check("192.0.2.7/32", "192.0.2.7/32");
    check("0.0.0.0/0", "0.0.0.0/0");
    check("2001:DB8::/32", "2001:db8::/32");
    check("::1", "::1/128");
    check("::/0", "::/0");
    check("::ffff:10.0.0.0/104", "10.0.0.0/8");
    check("::ffff:192.0.2.7", "192.0.2.7/32");
    check(
        "10.0.0.1/8",
        r#"! "10.0.0.1/8" has bits set after its prefix"#,
    );
    check(
        "0.0.0.1/0",
        r#"! "0.0.0.1/0" has bits set after its prefix"#,
    );
    check(
        "2001:db8::1/127",
        r#"! "2001:db8::1/127" has bits set after its prefix"#,
    );
    check(
        "::ffff:0:0/95",
        r#"! "::ffff:0:0/95" has bits set after its prefix"#,
    );
    check(
        "10.0.0.0/33",
        r#"! "10.0.0.0/33" does not end with a number of bits from 0 to 32"#,
    );
    check(
        "10.0.0.0/+8",
        r#"! "10.0.0.0/+8" does not end with a number of bits from 0 to 32"#,
    );
    check(
        "10.0.0.0/",
        r#"! "10.0.0.0/" does not end with a number of bits from 0 to 32"#,
    );
    check(
        "::/129",
        r#"! "::/129" does not end with a number of bits from 0 to 128"#,
    );
    check(
        "10.0.0/8",
        r#"! "10.0.0/8" does not start with an IP address"#,
    );
    check(
        "proxy.example",
        r#"! "proxy.example" does not start with an IP address"#,
    );
    check("", r#"! "" does not start with an IP address"#);
    check(
        " 10.0.0.0/8",
        r#"! " 10.0.0.0/8" does not start with an IP address"#,
    );
}

#[track_caller]
fn check_trust(proxies: &str, peer: &str, expect: &str) {
    let proxies: TrustedProxies = proxies.parse().unwrap();
    let found = match proxies.trusts(peer.parse().unwrap()) {
        true => "trusted",
        false => "stranger",
    };
    assert_eq!(found, expect, "{peer}");
}

#[test]
fn peers_are_told_apart() {
    check_trust("10.0.0.0/8", "10.255.255.255", "trusted");
    check_trust("10.0.0.0/8", "11.0.0.0", "stranger");
    check_trust("10.0.0.0/8", "::ffff:10.0.0.1", "trusted");
    check_trust("10.0.0.0/8", "::10.0.0.1", "stranger");
    check_trust("::ffff:10.0.0.0/104", "10.0.0.1", "trusted");
    check_trust("::/0", "2001:db8::1", "trusted");
    check_trust("::/0", "10.0.0.1", "stranger");
    check_trust("0.0.0.0/0", "10.0.0.1", "trusted");
    check_trust("0.0.0.0/0", "a00:1::", "stranger");
    check_trust("192.0.2.7,\t2001:db8::/33 ", "2001:db8:7fff::", "trusted");
    check_trust("192.0.2.7, 2001:db8::/33", "2001:db8:8000::", "stranger");
    check_trust("", "127.0.0.1", "stranger");
    assert_eq!("".parse(), Ok(TrustedProxies::none()));
    "10.0.0.0/8,".parse::<TrustedProxies>().unwrap_err();
}

proptest! {
    #[test]
    fn a_network_holds_what_shares_its_prefix(
        address in any::<u32>(),
        other in any::<u32>(),
        prefix in 0_u32..=32,
    ) {
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        let text = format!("{}/{prefix}", IpAddr::from((address & mask).to_be_bytes()));
        let network: Network = text.parse().unwrap();
        prop_assert!(network.contains(IpAddr::from(address.to_be_bytes())));
        prop_assert_eq!(
            network.contains(IpAddr::from(other.to_be_bytes())),
            other & mask == address & mask,
        );
        prop_assert_eq!(network.to_string().parse(), Ok(network));
    }
}
