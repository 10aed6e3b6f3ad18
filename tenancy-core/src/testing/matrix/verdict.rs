use std::fmt;

use http::StatusCode;

use super::mixture::{Mixture, Side};

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
    /// Everybody may ask this, and was answered by the host's tenant.
    OfHost,
    /// A tenant's own request was not served, so that mixtures are refused proves nothing.
    ControlNotServed,
    /// A mixture was not refused.
    NotRefused,
    /// An answer has another tenant's mark.
    ForeignMark,
    /// A server's error, or no response: it is not known what would have been answered.
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
            Self::Broken => "BROKEN: no answer to judge",
        })
    }
}

pub(super) fn judge(
    expect: Expect,
    mixture: &Mixture,
    answer: &Answer,
    marks: Option<&[String; 2]>,
) -> Verdict {
    let Answer::Response { status, body } = answer else {
        return Verdict::Broken;
    };
    let owner = mixture.owner();
    if marks.is_some_and(|marks| has_foreign(body, marks, owner.or(mixture.host()))) {
        return Verdict::ForeignMark;
    }
    match (owner, expect) {
        (Some(_), _) if status.is_success() => Verdict::Served,
        (Some(_), _) => Verdict::ControlNotServed,
        _ if status.is_server_error() => Verdict::Broken,
        _ if status.is_client_error() => Verdict::Refused,
        (None, Expect::Refusal) => Verdict::NotRefused,
        (None, Expect::OfHost) => Verdict::OfHost,
    }
}

/// Whether a mark is there that is not of whom the answer is for.
fn has_foreign(body: &str, marks: &[String; 2], of: Option<Side>) -> bool {
    [Side::One, Side::Two]
        .into_iter()
        .filter(|side| Some(*side) != of)
        .any(|side| body.contains(&marks[side as usize]))
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
            body: body.into(),
        };
        let marks = ["Spade".into(), "Espresso".into()];
        assert_eq!(judge(expect, mixture, &answer, Some(&marks)), verdict);
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
    }
}
