use std::error::Error;

use serde::Deserialize;

use super::{Check, Finding, Report, Unprobed};

/// Findings that somebody has looked at and lives with, each with the reason.
///
/// ```
/// use tenancy_core::isolation::audit::Baseline;
///
/// let baseline = Baseline::from_toml(
///     r#"
///     [[known]]
///     check = "T7"
///     object = "index shop_domain on public.domain"
///     reason = "domains are the whole world's, so a duplicate tells nothing that DNS does not"
///     "#,
/// )?;
/// # Ok::<(), tenancy_core::isolation::audit::BaselineError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    known: Vec<Known>,
}

/// A finding that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What was looked for.
    pub check: Check,
    /// Where it was found.
    pub object: Box<str>,
    /// Why it stays.
    pub reason: Box<str>,
}

/// A text that is no baseline.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// It is not TOML, or has other keys.
    #[error("read the baseline")]
    Syntax {
        /// What the parser said, with the line.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It names a check that there is not.
    #[error("the baseline knows a finding of {check}, which is no check")]
    NoCheck {
        /// The name.
        check: Box<str>,
    },
    /// It does not say why.
    #[error("the baseline gives no reason for {check} at {object}")]
    NoReason {
        /// The check.
        check: Box<str>,
        /// The object.
        object: Box<str>,
    },
}

/// A report beside a baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

impl Judged {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.new.is_empty() && self.outdated.is_empty()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    known: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    check: Box<str>,
    object: Box<str>,
    reason: Box<str>,
}

impl Baseline {
    /// Reads one.
    ///
    /// # Errors
    /// [`BaselineError`].
    pub fn from_toml(text: &str) -> Result<Self, BaselineError> {
        let file: File = toml::from_str(text).map_err(|error| BaselineError::Syntax {
            source: error.into(),
        })?;
        let known: Result<_, _> = file.known.into_iter().map(known).collect();
        Ok(Self { known: known? })
    }

    /// Tells what is known from what is not.
    #[must_use]
    pub fn judge(&self, report: Report) -> Judged {
        let mut judged = Judged {
            new: Vec::new(),
            known: Vec::new(),
            outdated: Vec::new(),
            unprobed: report.unprobed,
        };
        for one in &self.known {
            if !report.findings.iter().any(|finding| one.is(finding)) {
                judged.outdated.push(one.clone());
            }
        }
        for finding in report.findings {
            match self.known.iter().find(|one| one.is(&finding)) {
                Some(one) => judged.known.push((finding, one.reason.clone())),
                None => judged.new.push(finding),
            }
        }
        judged
    }
}

impl Known {
    fn is(&self, finding: &Finding) -> bool {
        self.check == finding.check && self.object == finding.object
    }
}

fn known(entry: Entry) -> Result<Known, BaselineError> {
    let Entry {
        check,
        object,
        reason,
    } = entry;
    if reason.trim().is_empty() {
        return Err(BaselineError::NoReason { check, object });
    }
    match Check::from_id(&check) {
        Some(check) => Ok(Known {
            check,
            object,
            reason,
        }),
        None => Err(BaselineError::NoCheck { check }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Baseline, BaselineError, Check, Finding, Report};

    fn baseline(check: &str, reason: &str) -> Result<Baseline, BaselineError> {
        Baseline::from_toml(&format!(
            "[[known]]\ncheck = '{check}'\nobject = 'public.a'\nreason = '{reason}'"
        ))
    }

    #[test]
    fn a_baseline_lets_in_what_it_names_and_nothing_else() {
        let baseline = baseline("T5", "looked at").expect("a baseline");
        let finding = |check, object: &str| Finding::new(check, object, "so it is");
        let judge = |findings| {
            let unprobed = Vec::new();
            baseline.judge(Report { findings, unprobed })
        };
        let known = finding(Check::T5, "public.a");
        let judged = judge(vec![known.clone()]);
        assert!(judged.is_clean());
        assert_eq!(judged.known, [(known, "looked at".into())]);
        for other in [
            finding(Check::T5, "public.b"),
            finding(Check::T3, "public.a"),
        ] {
            let judged = judge(vec![other.clone()]);
            assert_eq!(judged.new, [other]);
            assert_eq!(judged.outdated.len(), 1);
        }
        let judged = judge(Vec::new());
        assert!(!judged.is_clean(), "an entry without a finding is reported");
    }

    #[test]
    fn a_baseline_says_why_and_names_checks() {
        assert!(matches!(
            baseline("T5", " "),
            Err(BaselineError::NoReason { .. })
        ));
        assert!(matches!(
            baseline("T99", "why"),
            Err(BaselineError::NoCheck { .. })
        ));
        let other = Baseline::from_toml("[[ignored]]");
        assert!(matches!(other, Err(BaselineError::Syntax { .. })));
        assert_eq!(
            Baseline::from_toml("").expect("no entries"),
            Baseline::default()
        );
    }
}
