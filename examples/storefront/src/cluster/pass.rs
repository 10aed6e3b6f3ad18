//! What control shows a cell so that it is obeyed: a signature over what is asked, for half a minute.
//!
//! It has a purpose and keys of its own: a gateway, which signs what visitors ask for, cannot make one. What is asked can all
//! be repeated without harm, so that a pass that somebody saw is good for nothing that its holder has not asked for itself.

use std::fmt::Write as _;

use http::{HeaderMap, Method, Uri};
use tenancy_core::keys::{LiveKeyring, Signature};
use tenancy_types::{CellId, Clock, SystemClock};

/// The header field of a pass.
pub const HEADER: &str = "storefront-control";

const PURPOSE: &str = "storefront control";

/// How long a pass is good for, in seconds.
const LIFETIME: i64 = 30;

/// By how much clocks may be apart, in seconds.
const SKEW: i64 = 5;

/// Makes and checks passes. Clones share the keys.
#[derive(Clone, Debug)]
pub struct ControlPass {
    keys: LiveKeyring,
}

/// Why a request is not control's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request does not come from control, or too late")]
pub struct PassRefused;

impl ControlPass {
    /// Passes of these keys.
    #[must_use]
    pub const fn new(keys: LiveKeyring) -> Self {
        Self { keys }
    }

    /// The pass for one request to this cell.
    #[must_use]
    pub fn sign(&self, cell: CellId, method: &Method, uri: &Uri) -> String {
        self.sign_at(seconds(), cell, method, uri)
    }

    fn sign_at(&self, second: i64, cell: CellId, method: &Method, uri: &Uri) -> String {
        let ring = self.keys.current();
        let key = ring.signing();
        let signature = key.sign(PURPOSE, text(second, cell, method, uri).as_bytes());
        let mut pass = format!("{}.{second}.", key.id());
        for byte in signature {
            write!(pass, "{byte:02x}").expect("a text takes what is written");
        }
        pass
    }

    /// Whether control asks this of this cell, now.
    ///
    /// # Errors
    /// [`PassRefused`]; it does not say why.
    pub fn check(
        &self,
        cell: CellId,
        (method, uri): (&Method, &Uri),
        fields: &HeaderMap,
    ) -> Result<(), PassRefused> {
        self.check_at(seconds(), cell, (method, uri), fields)
    }

    fn check_at(
        &self,
        now: i64,
        cell: CellId,
        (method, uri): (&Method, &Uri),
        fields: &HeaderMap,
    ) -> Result<(), PassRefused> {
        let mut passes = fields.get_all(HEADER).iter();
        let (Some(pass), None) = (passes.next(), passes.next()) else {
            return Err(PassRefused);
        };
        let pass = pass.to_str().map_err(|_| PassRefused)?;
        let (rest, signature) = pass.rsplit_once('.').ok_or(PassRefused)?;
        let (id, second) = rest.rsplit_once('.').ok_or(PassRefused)?;
        let second: i64 = second.parse().map_err(|_| PassRefused)?;
        let signature = from_hex(signature).ok_or(PassRefused)?;
        let ring = self.keys.current();
        let key = ring.find(id).ok_or(PassRefused)?;
        let is_signed = key.has_signed(
            PURPOSE,
            text(second, cell, method, uri).as_bytes(),
            &signature,
        );
        let age = now.saturating_sub(second);
        if is_signed && (-SKEW..=LIFETIME + SKEW).contains(&age) {
            Ok(())
        } else {
            Err(PassRefused)
        }
    }
}

/// What is signed. No part but the last can have the sign between the parts in it.
fn text(second: i64, cell: CellId, method: &Method, uri: &Uri) -> String {
    let asked = uri.path_and_query().map_or("/", |asked| asked.as_str());
    format!("{cell} {second} {method} {asked}")
}

fn from_hex(digits: &str) -> Option<Signature> {
    let mut signature = Signature::default();
    if digits.len() != 2 * signature.len() || !digits.is_ascii() {
        return None;
    }
    for (at, byte) in signature.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(signature)
}

fn seconds() -> i64 {
    SystemClock.unix().get().div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use tenancy_core::keys::{Keyring, SecretKey};

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn pass(secret: u8) -> ControlPass {
        let key = SecretKey::new("control-1", [secret; 32]).unwrap();
        ControlPass::new(LiveKeyring::new(Keyring::new(key)))
    }

    fn cell(number: u16) -> CellId {
        CellId::new(number).unwrap()
    }

    #[track_caller]
    fn check(text: &str, (cell_number, method, uri, now): (u16, Method, &str, i64), expect: bool) {
        let mut fields = HeaderMap::new();
        fields.insert(HEADER, HeaderValue::from_str(text).unwrap());
        let asked = (&method, &uri.parse().unwrap());
        let found = pass(7).check_at(now, cell(cell_number), asked, &fields);
        assert_eq!(found.is_ok(), expect, "{text} {method} {uri} {now}");
    }

    #[test]
    fn a_pass_is_for_one_request_to_one_cell_for_half_a_minute() {
        let uri = "/cell/acts?tenant=7".parse().unwrap();
        let good = pass(7).sign_at(NOW, cell(2), &Method::POST, &uri);
        let asked = |now| (2, Method::POST, "/cell/acts?tenant=7", now);
        check(&good, asked(NOW), true);
        check(&good, asked(NOW + 35), true);
        check(&good, asked(NOW + 36), false);
        check(&good, asked(NOW - 5), true);
        check(&good, asked(NOW - 6), false);
        check(&good, (3, Method::POST, "/cell/acts?tenant=7", NOW), false);
        check(&good, (2, Method::GET, "/cell/acts?tenant=7", NOW), false);
        check(&good, (2, Method::POST, "/cell/acts?tenant=8", NOW), false);
        let foreign = pass(8).sign_at(NOW, cell(2), &Method::POST, &uri);
        check(&foreign, asked(NOW), false);
        for broken in [
            "",
            ".",
            "..",
            "control.1",
            "control.1.x.y",
            &good[1..],
            &good[..good.len() - 1],
        ] {
            check(broken, asked(NOW), false);
        }
    }

    #[test]
    fn two_passes_are_none() {
        let uri: Uri = "/cell/acts".parse().unwrap();
        let mut fields = HeaderMap::new();
        let asked = (&Method::POST, &uri);
        assert!(pass(7).check_at(NOW, cell(2), asked, &fields).is_err());
        let good = pass(7).sign_at(NOW, cell(2), &Method::POST, &uri);
        fields.append(HEADER, HeaderValue::from_str(&good).unwrap());
        assert!(pass(7).check_at(NOW, cell(2), asked, &fields).is_ok());
        fields.append(HEADER, HeaderValue::from_str(&good).unwrap());
        assert!(pass(7).check_at(NOW, cell(2), asked, &fields).is_err());
    }
}
