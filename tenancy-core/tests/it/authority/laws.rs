//! What holds for any text, accepted or not. Shared with the fuzz target.

use std::net::Ipv4Addr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use tenancy_core::{
    authority::{Authority, Host, InvalidAuthority},
    types::DomainName,
};

/// Panics if a law is broken for this text.
pub(crate) fn check(text: &str) {
    let parsed = text.parse::<Authority>();
    for respelt in [text.to_ascii_uppercase(), text.to_ascii_lowercase()] {
        let again = respelt.parse::<Authority>();
        assert_eq!(
            again.as_ref().ok(),
            parsed.as_ref().ok(),
            "case decides: {respelt:?}"
        );
    }
    match parsed {
        Ok(authority) => check_accepted(text, &authority),
        Err(error) => check_refused(text, &error),
    }
}

fn check_accepted(text: &str, authority: &Authority) {
    let normal = authority.to_string();
    assert_eq!(
        normal.parse().as_ref(),
        Ok(authority),
        "{text:?} is not stable"
    );
    assert!(normal.is_ascii() && text.len() <= 1024);
    assert!(
        !text.contains(|c: char| c.is_control() || "@%/\\,?#\"' ".contains(c)),
        "{text:?}"
    );
    assert_ne!(authority.port(), Some(0), "{text:?}");

    let host = authority.host();
    assert_eq!(host.to_string().parse().as_ref(), Ok(host), "{text:?}");
    assert_eq!(
        format!("{host}:").parse::<Authority>().unwrap().host(),
        host,
        "{text:?}"
    );
    match host {
        Host::Name(name) => check_name(text, host, name),
        Host::V4(_) => assert_eq!(format!("{host}.").parse().as_ref(), Ok(host)),
        Host::V6(_) => assert!(text.starts_with('[')),
    }
}

fn check_name(text: &str, host: &Host, name: &DomainName) {
    assert_eq!(
        DomainName::from_normalised(name.as_str()).as_ref(),
        Ok(name)
    );
    assert_eq!(name.as_str().parse::<Ipv4Addr>().ok(), None, "{text:?}");
    let last = name.as_str().rsplit('.').next().unwrap();
    assert_eq!(last.parse::<u128>().ok(), None, "{text:?} ends in a number");
    if name.as_str().len() < 250 {
        assert_eq!(
            format!("{name}.").parse().as_ref(),
            Ok(host),
            "a trailing dot"
        );
        format!("{name}..").parse::<Host>().unwrap_err();
    }

    // The whole mapping, which plain names skip, comes to the same.
    let host_text = text.split(':').next().unwrap();
    let mapped = Uts46::new()
        .to_ascii(
            host_text.as_bytes(),
            AsciiDenyList::URL,
            Hyphens::CheckFirstLast,
            DnsLength::Ignore,
        )
        .unwrap();
    assert_eq!(
        mapped.strip_suffix('.').unwrap_or(&mapped),
        name.as_str(),
        "{text:?}"
    );
}

fn check_refused(text: &str, error: &InvalidAuthority) {
    use InvalidAuthority as E;
    if let E::UserInfo { at }
    | E::PercentSign { at }
    | E::Character { at, .. }
    | E::AfterBracket { at }
    | E::SecondColon { at }
    | E::PortNotNumber { at }
    | E::PortOutOfRange { at } = error
    {
        assert!(*at < text.len(), "{text:?}: {error}");
    }
}
