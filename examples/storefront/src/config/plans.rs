use std::{
    num::{NonZeroU16, NonZeroU32},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use tenancy_types::{
    InvalidPlanName, InvalidPlanSet, InvalidQuota, Plan, PlanSet, Quota, WorkBudget,
};

/// The plans of a TOML file:
///
/// ```toml
/// [[plan]]
/// name = "basic"
/// rate = 50                    # requests a second
/// burst = 500                  # requests at once
/// concurrency = 32             # requests in flight
/// connections = 4              # database connections held at one time
/// statement_timeout_ms = 5000  # longest database statement
/// ```
///
/// # Errors
/// [`PlansError`] names the file and what is wrong in it.
pub fn read_plans(path: &Path) -> Result<PlanSet, PlansError> {
    let text = std::fs::read_to_string(path).map_err(|source| PlansError::Read {
        path: path.into(),
        source,
    })?;
    let file: PlansFile = toml::from_str(&text).map_err(|error| PlansError::Syntax {
        path: path.into(),
        message: error.to_string(),
    })?;
    let plans = file.plan.into_iter().map(|entry| {
        let name = entry.name.clone();
        Plan::try_from(entry).map_err(|why| PlansError::Plan {
            path: path.into(),
            name,
            why,
        })
    });
    let plans = plans.collect::<Result<Vec<_>, _>>()?;
    PlanSet::new(plans).map_err(|why| PlansError::Set {
        path: path.into(),
        why,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlansFile {
    #[serde(default)]
    plan: Vec<PlanEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanEntry {
    name: String,
    rate: u32,
    burst: u32,
    concurrency: NonZeroU32,
    connections: NonZeroU16,
    statement_timeout_ms: NonZeroU32,
}

impl TryFrom<PlanEntry> for Plan {
    type Error = InvalidPlan;

    fn try_from(entry: PlanEntry) -> Result<Self, Self::Error> {
        let timeout = Duration::from_millis(u64::from(entry.statement_timeout_ms.get()));
        Ok(Self {
            name: entry.name.parse()?,
            quota: Quota::per_second(entry.rate)?.with_burst(entry.burst)?,
            concurrency: entry.concurrency,
            work: WorkBudget::new(entry.connections, timeout),
        })
    }
}

/// Why a file holds no plans.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlansError {
    /// It cannot be read.
    #[error("read plans from {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// It is not the TOML that is expected; the message has line and column.
    #[error("{} is not a file of plans: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// One plan is not valid.
    #[error("plan {name:?} of {} is not valid", path.display())]
    Plan {
        /// The file.
        path: PathBuf,
        /// The plan's name as it stands there.
        name: String,
        /// What is wrong.
        #[source]
        why: InvalidPlan,
    },
    /// The plans together are not valid.
    #[error("the plans of {} do not go together", path.display())]
    Set {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        why: InvalidPlanSet,
    },
}

/// What is wrong with one plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPlan {
    /// Its name.
    #[error(transparent)]
    Name(#[from] InvalidPlanName),
    /// Its rate or burst.
    #[error(transparent)]
    Quota(#[from] InvalidQuota),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PlanSet, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_plans(file.path()).map_err(|error| {
            let source = std::error::Error::source(&error)
                .map(|source| format!(": {source}"))
                .unwrap_or_default();
            format!("{error}{source}").replace(&file.path().display().to_string(), "FILE")
        })
    }

    const BASIC: &str = "[[plan]]\nname = \"basic\"\nrate = 50\nburst = 500\nconcurrency = 32\nconnections = 4\n\
                         statement_timeout_ms = 5000\n";

    #[test]
    fn a_file_may_say_what_the_standard_plans_say() {
        let plans = read(BASIC).unwrap();
        let standard = PlanSet::standard();
        assert_eq!(plans.iter().next(), standard.iter().next());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let zero = BASIC.replace("rate = 50", "rate = 0");
        let wrong = "plan \"basic\" of FILE is not valid: a rate and a burst are whole numbers from 1 to 1000000, not 0";
        assert_eq!(read(&zero).unwrap_err(), wrong);
        assert!(
            read(&BASIC.replace("burst", "brust"))
                .unwrap_err()
                .contains("unknown field `brust`")
        );
        assert!(
            read("")
                .unwrap_err()
                .ends_with("there must be at least one plan")
        );
        assert!(
            read(&BASIC.repeat(2))
                .unwrap_err()
                .ends_with("two plans are named basic")
        );
    }
}
