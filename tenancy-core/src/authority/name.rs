//! From the text before the port to a name or an IPv4 address.

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use tenancy_types::DomainName;

use super::{Host, InvalidAuthority};

pub(super) fn host(text: &str) -> Result<Host, InvalidAuthority> {
    let mapped = map(text)?;
    // The dot goes after the mapping, because other dots become this one.
    let name = mapped.strip_suffix('.').unwrap_or(&mapped);
    if name.is_empty() {
        return Err(InvalidAuthority::Empty);
    }
    if ends_in_number(name) {
        return name
            .parse()
            .map(Host::V4)
            .map_err(|_| InvalidAuthority::EndsInNumber);
    }
    DomainName::from_normalised(name)
        .map(Host::Name)
        .map_err(|source| InvalidAuthority::Name { source })
}

/// The ASCII form of the text, in lower case.
///
/// For ASCII without A-labels the mapping is only the folding of case: the checks
/// it would make (code points, joiners, direction) concern other characters, and
/// those of [`DomainName`] follow anyway. So most requests skip its tables.
fn map(text: &str) -> Result<Cow<'_, str>, InvalidAuthority> {
    if !text.is_ascii() || text.split('.').any(is_a_label) {
        return Uts46::new()
            .to_ascii(
                text.as_bytes(),
                AsciiDenyList::URL,
                // Real names have hyphens in the third and fourth place.
                Hyphens::CheckFirstLast,
                // `DomainName` checks lengths, after the trailing dot is gone.
                DnsLength::Ignore,
            )
            .map_err(|_| InvalidAuthority::Idna);
    }
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Ok(Cow::Owned(text.to_ascii_lowercase())),
        false => Ok(Cow::Borrowed(text)),
    }
}

fn is_a_label(label: &str) -> bool {
    label
        .get(..4)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"))
}

/// Whether some resolver would take the name for an IPv4 address: the URL
/// standard's "ends in a number checker", for a name without a trailing dot.
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    match last.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With `DomainName::from_normalised` as the only other step, this makes one
    /// allocation for a plain name, and shows that the mapping was not asked.
    #[test]
    fn a_plain_name_is_not_copied_before_it_is_a_domain_name() {
        for text in ["shop.example", "r3---sn-4g5e.example.", "_a.b", "10.0.0.1"] {
            match map(text) {
                Ok(Cow::Borrowed(same)) => assert!(std::ptr::eq(same, text), "{text}"),
                other => panic!("{text} was copied or refused: {other:?}"),
            }
        }
    }
}
