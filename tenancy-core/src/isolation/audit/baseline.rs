#[cfg(feature = "cli")]
mod file;

use super::{Check, Failed, Finding, Report, Unprobed};

#[cfg(feature = "cli")]
pub use file::BaselineError;

/// Findings that somebody has looked at and lives with, each with the reason.
///
/// ```
/// use tenancy_core::isolation::audit::{Baseline, Check, Known};
///
/// let log_in = Known::new(
///     Check::F1,
///     "public.account_of(text) (91c07a52)",
///     "logging in looks up an account before there is a tenant",
/// );
/// let baseline = Baseline::new([log_in]);
/// # assert_ne!(baseline, Baseline::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    known: Vec<Known>,
}

/// A finding that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// What was looked for.
    pub check: Check,
    /// Where it was found.
    pub object: Box<str>,
    /// Why it stays.
    pub reason: Box<str>,
    /// Whether it comes and goes, as a move's publication does: when it is gone, nothing is said of it.
    pub may_be_absent: bool,
}

impl Known {
    /// One that is always found.
    #[must_use]
    pub fn new(check: Check, object: impl Into<Box<str>>, reason: impl Into<Box<str>>) -> Self {
        Self {
            check,
            object: object.into(),
            reason: reason.into(),
            may_be_absent: false,
        }
    }

    /// One that comes and goes.
    #[must_use]
    pub fn may_be_absent(self) -> Self {
        Self {
            may_be_absent: true,
            ..self
        }
    }

    fn is(&self, finding: &Finding) -> bool {
        self.check == finding.check && self.object == finding.object
    }
}

/// A report beside a baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Judged {
    /// What nobody has accepted.
    pub new: Vec<Finding>,
    /// What is known, with the reason.
    pub known: Vec<(Finding, Box<str>)>,
    /// What the baseline knows and the cell has not any more. It is taken out of the baseline, or the same
    /// finding would be let in again later.
    pub outdated: Vec<Known>,
    /// What could not be tried out.
    pub unprobed: Vec<Unprobed>,
    /// What could not be looked at, without which the rest is not the whole.
    pub failed: Vec<Failed>,
}

impl Judged {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.new.is_empty() && self.outdated.is_empty() && self.failed.is_empty()
    }
}

impl Baseline {
    /// Of these.
    #[must_use]
    pub fn new(known: impl IntoIterator<Item = Known>) -> Self {
        Self {
            known: known.into_iter().collect(),
        }
    }

    /// The entry of a finding.
    pub(super) fn knows(&self, finding: &Finding) -> Option<&Known> {
        self.known.iter().find(|one| one.is(finding))
    }

    /// Tells what is known from what is not.
    #[must_use]
    pub fn judge(&self, report: Report) -> Judged {
        let is_gone = |one: &&Known| {
            !one.may_be_absent && !report.findings.iter().any(|finding| one.is(finding))
        };
        let mut judged = Judged {
            new: Vec::new(),
            known: Vec::new(),
            // What could not be looked at may be there still.
            outdated: if report.failed.is_empty() {
                self.known.iter().filter(is_gone).cloned().collect()
            } else {
                Vec::new()
            },
            unprobed: report.unprobed,
            failed: report.failed,
        };
        for finding in report.findings {
            match self.knows(&finding) {
                Some(one) => judged.known.push((finding, one.reason.clone())),
                None => judged.new.push(finding),
            }
        }
        judged
    }
}

#[cfg(test)]
mod tests {
    use super::{Baseline, Check, Failed, Finding, Known, Report};

    fn judge(baseline: &Baseline, findings: Vec<Finding>) -> super::Judged {
        baseline.judge(Report {
            findings,
            ..Report::default()
        })
    }

    #[test]
    fn a_baseline_lets_in_what_it_names_and_nothing_else() {
        let entry = Known::new(Check::T5, "public.a", "looked at");
        let baseline = Baseline::new([entry.clone()]);
        let finding = |check, object: &str| Finding::new(check, object, "so it is");
        let known = finding(Check::T5, "public.a");
        let judged = judge(&baseline, vec![known.clone()]);
        assert!(judged.is_clean());
        assert_eq!(judged.known, [(known, "looked at".into())]);
        for other in [
            finding(Check::T5, "public.b"),
            finding(Check::T3, "public.a"),
        ] {
            let judged = judge(&baseline, vec![other.clone()]);
            assert_eq!(judged.new, [other]);
            assert_eq!(judged.outdated, std::slice::from_ref(&entry));
        }
        let judged = judge(&baseline, Vec::new());
        assert!(!judged.is_clean(), "an entry without a finding is reported");
        let baseline = Baseline::new([entry.may_be_absent()]);
        assert!(
            judge(&baseline, Vec::new()).is_clean(),
            "but not one that comes and goes"
        );
    }

    #[test]
    fn what_was_not_looked_at_is_not_clean_and_outdates_nothing() {
        let baseline = Baseline::new([Known::new(Check::T5, "public.a", "looked at")]);
        let failed = Failed {
            part: "the probe".into(),
            why: "it is away".into(),
        };
        let judged = baseline.judge(Report {
            failed: vec![failed],
            ..Report::default()
        });
        assert!(!judged.is_clean());
        assert_eq!(judged.outdated, []);
    }
}
