//! Baselines as TOML.

use std::{borrow::Cow, error::Error};

use serde::Deserialize;
use tenancy_types::{Code, Kind, Problem, Retry};

use super::{super::Check, Baseline, Known};
use crate::toml_fault::TomlFault;

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

impl Problem for BaselineError {
    fn code(&self) -> Code {
        Code::new("isolation_baseline")
    }

    fn kind(&self) -> Kind {
        Kind::Internal
    }

    fn retry(&self) -> Retry {
        Retry::No
    }

    fn client_text(&self) -> Cow<'static, str> {
        "something went wrong on our side".into()
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
    #[serde(default)]
    may_be_absent: bool,
}

impl Baseline {
    /// Reads one.
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
    ///
    ///     [[known]]
    ///     check = "L1"
    ///     object = "public.product"
    ///     reason = "a move publishes it while it copies"
    ///     may_be_absent = true
    ///     "#,
    /// )?;
    /// # Ok::<(), tenancy_core::isolation::audit::BaselineError>(())
    /// ```
    ///
    /// # Errors
    /// [`BaselineError`].
    pub fn from_toml(text: &str) -> Result<Self, BaselineError> {
        let file: File = toml::from_str(text).map_err(|error| BaselineError::Syntax {
            source: TomlFault::from(error).into(),
        })?;
        let known: Vec<Known> = file
            .known
            .into_iter()
            .map(known)
            .collect::<Result<_, _>>()?;
        Ok(Self::new(known))
    }
}

fn known(entry: Entry) -> Result<Known, BaselineError> {
    let Entry {
        check,
        object,
        reason,
        may_be_absent,
    } = entry;
    if reason.trim().is_empty() {
        return Err(BaselineError::NoReason { check, object });
    }
    match Check::from_id(&check) {
        Some(check) => Ok(Known {
            check,
            object,
            reason,
            may_be_absent,
        }),
        None => Err(BaselineError::NoCheck { check }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Baseline, BaselineError, Check, Known};

    fn baseline(check: &str, reason: &str) -> Result<Baseline, BaselineError> {
        Baseline::from_toml(&format!(
            "[[known]]\ncheck = '{check}'\nobject = 'public.a'\nreason = '{reason}'"
        ))
    }

    #[test]
    fn a_baseline_says_why_and_names_checks() {
        let read = baseline("T5", "looked at").expect("a baseline");
        let known = Known::new(Check::T5, "public.a", "looked at");
        assert_eq!(read, Baseline::new([known]));
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
