use std::fmt;

use http::{
    HeaderMap, Method, Response, StatusCode,
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
    /// With the trailers among the headers.
    Response(Response<String>),
    /// No whole response.
    Broken(String),
}

/// What tells answers to one tenant from answers to the other.
#[derive(Clone, Debug)]
pub(super) enum Marks {
    /// It was not said.
    Unsaid,
    /// Nothing does.
    Without,
    Texts([String; 2]),
}

/// A kind of answers.
type Kind = fn(&Response<String>) -> bool;

/// How an application's answers are to be read.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    pub(super) marks: Marks,
    /// Refusals that are no 4xx.
    pub(super) also_refused: Kind,
    /// Answers to a tenant's own requests that are no 2xx.
    pub(super) also_served: Kind,
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
    /// A header was there twice, once for each tenant, and one of them was chosen: that of the tenant whose
    /// everything else was.
    OneChosen,
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
        matches!(
            self,
            Self::Served | Self::Refused | Self::OfHost | Self::OneChosen
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Served => "served",
            Self::Refused => "refused",
            Self::OfHost => "the host's own",
            Self::OneChosen => "one of two chosen, its tenant's own",
            Self::ControlNotServed => "PROVES NOTHING: its own request is not served",
            Self::NotRefused => "LEAK: not refused",
            Self::ForeignMark => "LEAK: another tenant's mark in the answer",
            Self::Unmarked => "PROVES NOTHING: its tenant's mark is not in the answer",
            Self::Changed => "LEAK: changed by a mixture",
            Self::Broken => "BROKEN: no answer to judge",
        })
    }
}

impl Judge {
    pub(super) fn new() -> Self {
        Self {
            marks: Marks::Unsaid,
            also_refused: |_| false,
            also_served: |_| false,
        }
    }

    pub(super) fn marks(&self) -> Option<&[String; 2]> {
        match &self.marks {
            Marks::Texts(texts) => Some(texts),
            Marks::Unsaid | Marks::Without => None,
        }
    }

    pub(super) fn judge(
        &self,
        expect: Expect,
        method: &Method,
        mixture: &Mixture,
        answer: &Answer,
    ) -> Verdict {
        let Answer::Response(answer) = answer else {
            return Verdict::Broken;
        };
        let (owner, chosen) = (mixture.owner(), mixture.choosable());
        let of = owner.or(chosen).or(mixture.host());
        let foreign = |marks| has_foreign(answer, marks, of);
        if self.marks().is_some_and(foreign) || leads_elsewhere(mixture, answer.headers(), of) {
            return Verdict::ForeignMark;
        }
        let status = answer.status();
        let refused = status.is_client_error() || (self.also_refused)(answer);
        let served = !refused && (status.is_success() || (self.also_served)(answer));
        let unmarked = method == Method::GET && status.is_success() && self.lacks(answer, of);
        match (owner, expect) {
            (Some(_), _) if !served => Verdict::ControlNotServed,
            (Some(_), _) if unmarked => Verdict::Unmarked,
            (Some(_), _) => Verdict::Served,
            _ if status.is_server_error() || says_later(status) => Verdict::Broken,
            _ if refused => Verdict::Refused,
            (None, Expect::OfHost) if mixture.host().is_none() => Verdict::NotRefused,
            (None, Expect::Refusal) if chosen.is_none() || !served => Verdict::NotRefused,
            _ if unmarked => Verdict::Unmarked,
            (None, Expect::OfHost) => Verdict::OfHost,
            (None, Expect::Refusal) => Verdict::OneChosen,
        }
    }

    /// Whether the mark of whom an answer is for is not in it.
    fn lacks(&self, answer: &Response<String>, of: Option<Side>) -> bool {
        let own = self.marks().zip(of).map(|(marks, of)| &marks[of as usize]);
        own.is_some_and(|own| !answer.body().contains(own))
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
fn has_foreign(answer: &Response<String>, marks: &[String; 2], of: Option<Side>) -> bool {
    let headers = || texts(answer.headers().values());
    Side::BOTH
        .into_iter()
        .filter(|side| Some(*side) != of)
        .map(|side| &marks[side as usize])
        .any(|mark| answer.body().contains(mark) || headers().any(|text| text.contains(mark)))
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

    fn judge() -> Judge {
        Judge {
            marks: Marks::Texts(["Spade".into(), "Espresso".into()]),
            also_refused: |answer| answer.body().contains("errors"),
            also_served: |answer| answer.status() == StatusCode::SEE_OTHER,
        }
    }

    fn answer(status: u16, body: &str) -> Answer {
        let answer = Response::builder().status(status);
        Answer::Response(answer.body(body.into()).unwrap())
    }

    #[track_caller]
    fn check(expect: Expect, mixture: &Mixture, (status, body): (u16, &str), verdict: Verdict) {
        let found = judge().judge(expect, &Method::GET, mixture, &answer(status, body));
        assert_eq!(found, verdict);
    }

    #[test]
    fn own_requests_are_served_and_mixed_ones_are_not() {
        let own = Mixture::pure(&parts()).swap_remove(0);
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
            let answer = Response::builder().status(302).header(name, value);
            let answer = Answer::Response(answer.body(String::new()).unwrap());
            let found = judge().judge(Expect::OfHost, &Method::GET, &mixed, &answer);
            assert_eq!(found, verdict, "{name}: {value}");
        }
    }

    /// Of a login page, and of GraphQL, which refuses with a 200.
    #[test]
    fn an_application_says_how_it_serves_and_refuses() {
        let own = Mixture::pure(&parts()).swap_remove(0);
        let mixed = Mixture::mixed(&parts()).swap_remove(1);
        for (mixture, answer, verdict) in [
            (&own, (303, ""), Verdict::Served),
            (&own, (302, ""), Verdict::ControlNotServed),
            (&own, (200, "errors at Spade"), Verdict::ControlNotServed),
            (&mixed, (200, "errors at Spade"), Verdict::Refused),
            (&mixed, (200, "errors at Espresso"), Verdict::ForeignMark),
            (&mixed, (303, ""), Verdict::NotRefused),
        ] {
            check(Expect::Refusal, mixture, answer, verdict);
        }
    }

    #[test]
    fn what_is_absent_is_refused_and_what_is_there_twice_is_nobodys_or_the_rests() {
        let both = || ["a".into(), "b".into()];
        let parts = [
            Part::new("host".into(), Place::Host, both()),
            Part::new("cookie".into(), Place::Header(COOKIE), both()),
        ];
        let incomplete = Mixture::incomplete(&parts);
        // Of the first tenant, but for one header: without and with two hosts, without and with two cookies.
        let [no_host, two_hosts, no_cookie, two_cookies] =
            [0, 2, 6, 8].map(|index| &incomplete[index]);
        for (mixture, answer, verdict) in [
            (no_host, (400, ""), Verdict::Refused),
            (no_host, (200, "Spade"), Verdict::ForeignMark),
            (no_host, (200, ""), Verdict::NotRefused),
            (two_hosts, (400, ""), Verdict::Refused),
            (two_hosts, (200, ""), Verdict::NotRefused),
            (no_cookie, (401, "Spade"), Verdict::Refused),
            (no_cookie, (200, "Spade"), Verdict::NotRefused),
            (two_cookies, (401, ""), Verdict::Refused),
            (two_cookies, (200, "Spade"), Verdict::OneChosen),
            (two_cookies, (200, ""), Verdict::Unmarked),
            (two_cookies, (302, ""), Verdict::NotRefused),
            (two_cookies, (200, "Espresso"), Verdict::ForeignMark),
        ] {
            check(Expect::Refusal, mixture, answer, verdict);
        }
        for (mixture, answer, verdict) in [
            (no_host, (200, ""), Verdict::NotRefused),
            (two_hosts, (302, ""), Verdict::NotRefused),
            (no_cookie, (200, "Spade"), Verdict::OfHost),
            (two_cookies, (200, "Spade"), Verdict::OfHost),
        ] {
            check(Expect::OfHost, mixture, answer, verdict);
        }
    }
}
