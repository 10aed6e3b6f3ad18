use std::fmt;

use http::{
    HeaderMap, Method, StatusCode,
    header::{COOKIE, LOCATION, SET_COOKIE},
};

use super::mixture::{Mixture, Place, Side};

/// What a mixture must be answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    /// 4xx.
    Refusal,
    /// Anything of the host's own.
    OfHost,
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Response {
        status: StatusCode,
        /// And trailers.
        headers: HeaderMap,
        body: String,
    },
    /// No whole response.
    Broken(String),
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// A tenant's own request was served.
    Served,
    /// A mixture was refused.
    Refused,
    /// Everybody may ask this, and was answered with the host's tenant's mark, or redirected.
    OfHost,
    /// A tenant's own request was not served, so that mixtures are refused proves nothing.
    ControlNotServed,
    /// A mixture was not refused.
    NotRefused,
    /// An answer has another tenant's mark, leads to its host or sets its cookie.
    ForeignMark,
    /// An answer without the mark of the tenant whose it is, so that it proves nothing that it has no other's.
    Unmarked,
    /// What a tenant's own request shows has changed after mixtures that were to change nothing.
    Changed,
    /// A server's error, a limit or no response: it is not known what would have been answered.
    Broken,
}

impl Verdict {
    /// Whether it is as it should be.
    #[must_use]
    pub fn is_good(self) -> bool {
        matches!(self, Self::Served | Self::Refused | Self::OfHost)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Served => "served",
            Self::Refused => "refused",
            Self::OfHost => "the host's own",
            Self::ControlNotServed => "PROVES NOTHING: its own request is not served",
            Self::NotRefused => "LEAK: not refused",
            Self::ForeignMark => "LEAK: another tenant's mark in the answer",
            Self::Unmarked => "PROVES NOTHING: its tenant's mark is not in the answer",
            Self::Changed => "LEAK: changed by a mixture",
            Self::Broken => "BROKEN: no answer to judge",
        })
    }
}

pub(super) fn judge(
    expect: Expect,
    method: &Method,
    mixture: &Mixture,
    answer: &Answer,
    marks: Option<&[String; 2]>,
) -> Verdict {
    let Answer::Response {
        status,
        headers,
        body,
    } = answer
    else {
        return Verdict::Broken;
    };
    let owner = mixture.owner();
    let of = owner.or(mixture.host());
    let foreign = |marks| has_foreign(body, headers, marks, of);
    if marks.is_some_and(foreign) || leads_elsewhere(mixture, headers, of) {
        return Verdict::ForeignMark;
    }
    let unmarked = || {
        let own = marks.zip(of).map(|(marks, of)| &marks[of as usize]);
        method == Method::GET && status.is_success() && own.is_some_and(|own| !body.contains(own))
    };
    match (owner, expect) {
        (Some(_), _) if !status.is_success() => Verdict::ControlNotServed,
        (Some(_), _) if unmarked() => Verdict::Unmarked,
        (Some(_), _) => Verdict::Served,
        _ if status.is_server_error() || says_later(*status) => Verdict::Broken,
        _ if status.is_client_error() => Verdict::Refused,
        (None, Expect::Refusal) => Verdict::NotRefused,
        (None, Expect::OfHost) if unmarked() => Verdict::Unmarked,
        (None, Expect::OfHost) => Verdict::OfHost,
    }
}

/// Such an answer is the same for all that is asked too often or too slowly.
fn says_later(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
    )
}

/// Whether a mark is there that is not of whom the answer is for.
fn has_foreign(body: &str, headers: &HeaderMap, marks: &[String; 2], of: Option<Side>) -> bool {
    [Side::One, Side::Two]
        .into_iter()
        .filter(|side| Some(*side) != of)
        .map(|side| &marks[side as usize])
        .any(|mark| body.contains(mark) || texts(headers.values()).any(|text| text.contains(mark)))
}

/// Whether an answer sends its reader to another tenant's host, or makes it another's session.
fn leads_elsewhere(mixture: &Mixture, headers: &HeaderMap, of: Option<Side>) -> bool {
    let leads = mixture.others(&Place::Host, of).any(|host| {
        let place = format!("//{host}");
        texts(headers.get_all(LOCATION).iter()).any(|location| location.contains(&place))
    });
    let becomes = mixture.others(&Place::Header(COOKIE), of).any(|cookie| {
        let mut set = texts(headers.get_all(SET_COOKIE).iter());
        set.any(|text| text.split(';').next() == Some(cookie))
    });
    leads || becomes
}

fn texts<'h>(
    values: impl Iterator<Item = &'h http::HeaderValue>,
) -> impl Iterator<Item = std::borrow::Cow<'h, str>> {
    values.map(|value| String::from_utf8_lossy(value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::mixture::{Part, Place};
    use super::*;

    fn parts() -> Vec<Part> {
        let both = || ["a".into(), "b".into()];
        vec![
            Part::new("host".into(), Place::Host, both()),
            Part::new("id".into(), Place::Value, both()),
        ]
    }

    #[track_caller]
    fn check(expect: Expect, mixture: &Mixture, (status, body): (u16, &str), verdict: Verdict) {
        let answer = Answer::Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.into(),
        };
        let marks = ["Spade".into(), "Espresso".into()];
        let found = judge(expect, &Method::GET, mixture, &answer, Some(&marks));
        assert_eq!(found, verdict);
    }

    #[test]
    fn own_requests_are_served_and_mixed_ones_are_not() {
        let [own, _] = Mixture::pure(&parts());
        // The host is the first tenant's, the id the second's.
        let mixed = Mixture::mixed(&parts()).swap_remove(1);
        for (mixture, answer, verdict) in [
            (&own, (200, "Spade"), Verdict::Served),
            (&own, (404, ""), Verdict::ControlNotServed),
            (&own, (500, ""), Verdict::ControlNotServed),
            (&own, (200, "Espresso"), Verdict::ForeignMark),
            (&own, (200, ""), Verdict::Unmarked),
            (&mixed, (429, ""), Verdict::Broken),
            (&mixed, (408, ""), Verdict::Broken),
            (&mixed, (404, "no such thing at Spade"), Verdict::Refused),
            (&mixed, (404, "no Espresso here"), Verdict::ForeignMark),
            (&mixed, (200, ""), Verdict::NotRefused),
            (&mixed, (302, ""), Verdict::NotRefused),
            (&mixed, (500, ""), Verdict::Broken),
        ] {
            check(Expect::Refusal, mixture, answer, verdict);
        }
        check(Expect::OfHost, &mixed, (200, "Spade"), Verdict::OfHost);
        check(
            Expect::OfHost,
            &mixed,
            (200, "Espresso"),
            Verdict::ForeignMark,
        );
        check(Expect::OfHost, &mixed, (503, ""), Verdict::Broken);
        check(Expect::OfHost, &mixed, (200, ""), Verdict::Unmarked);
        check(Expect::OfHost, &mixed, (302, ""), Verdict::OfHost);
    }

    #[test]
    fn headers_are_judged_too() {
        let both = || ["garden.example".into(), "coffee.example".into()];
        let cookies = || ["session=1".into(), "session=2".into()];
        let parts = [
            Part::new("host".into(), Place::Host, both()),
            Part::new("cookie".into(), Place::Header(COOKIE), cookies()),
        ];
        // The host is the first tenant's, the cookie the second's.
        let mixed = Mixture::mixed(&parts).swap_remove(1);
        for (name, value, verdict) in [
            ("location", "https://garden.example/", Verdict::OfHost),
            ("location", "https://coffee.example/", Verdict::ForeignMark),
            ("set-cookie", "session=1; Secure", Verdict::OfHost),
            ("set-cookie", "session=22; Secure", Verdict::OfHost),
            ("set-cookie", "session=2; Secure", Verdict::ForeignMark),
            ("x-shop", "the Espresso shop", Verdict::ForeignMark),
        ] {
            let headers = [(name.parse().unwrap(), value.parse().unwrap())];
            let answer = Answer::Response {
                status: StatusCode::FOUND,
                headers: HeaderMap::from_iter(headers),
                body: String::new(),
            };
            let marks = ["Spade".into(), "Espresso".into()];
            let expect = Expect::OfHost;
            let found = judge(expect, &Method::GET, &mixed, &answer, Some(&marks));
            assert_eq!(found, verdict, "{name}: {value}");
        }
    }
}
