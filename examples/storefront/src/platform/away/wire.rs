//! What control and cells say to each other: pure.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use tenancy_migrate::{Fitness, Home};
use tenancy_types::{Placement, TenantId};

use crate::platform::cell_work::{Acted, CellAct, WorkError};

/// A tenant and its placement as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(in crate::platform) struct HomeQuery {
    tenant: u32,
    placement: u64,
}

impl From<Home> for HomeQuery {
    fn from(home: Home) -> Self {
        Self {
            tenant: home.tenant.get(),
            placement: home.placement.to_word(),
        }
    }
}

impl HomeQuery {
    /// The home, unless it makes no sense.
    pub(in crate::platform) fn home(self) -> Option<Home> {
        Some(Home {
            tenant: TenantId::new(self.tenant)?,
            placement: Placement::from_word(self.placement).ok()?,
        })
    }
}

impl fmt::Display for HomeQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, placement } = self;
        write!(f, "tenant={tenant}&placement={placement}")
    }
}

/// What a cell is asked to do.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::platform) struct ActRequest {
    pub(in crate::platform) home: HomeQuery,
    pub(in crate::platform) act: CellAct,
}

impl ActRequest {
    pub(in crate::platform) fn new(home: Home, act: CellAct) -> Self {
        Self {
            home: home.into(),
            act,
        }
    }
}

/// What a cell says of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::platform) enum Answer {
    Done,
    Counted(BTreeMap<String, u64>),
    Fits,
    Unfit(String),
    Refused(String),
    Failed(String),
}

impl Answer {
    pub(in crate::platform) fn acted(self) -> Result<Acted, WorkError> {
        match self {
            Self::Done => Ok(Acted::Done),
            Self::Counted(rows) => {
                let rows = rows.into_iter().map(|(table, rows)| (table.into(), rows));
                Ok(Acted::Counted(rows.collect()))
            }
            other => Err(other.into_error()),
        }
    }

    pub(in crate::platform) fn fitness(self) -> Result<Fitness, WorkError> {
        match self {
            Self::Fits => Ok(Fitness::Fits),
            Self::Unfit(reason) => Ok(Fitness::Unfit(reason.into())),
            other => Err(other.into_error()),
        }
    }

    fn into_error(self) -> WorkError {
        match self {
            Self::Refused(reason) => WorkError::Refused {
                reason: reason.into(),
            },
            Self::Failed(text) => WorkError::Failed(text.into()),
            other => WorkError::Failed(format!("the cell answered {other:?}").into()),
        }
    }
}

impl From<Result<Acted, WorkError>> for Answer {
    fn from(acted: Result<Acted, WorkError>) -> Self {
        match acted {
            Ok(Acted::Done) => Self::Done,
            Ok(Acted::Counted(rows)) => {
                let rows = rows.iter().map(|(table, rows)| (table.to_owned(), rows));
                Self::Counted(rows.collect())
            }
            Err(error) => error.into(),
        }
    }
}

impl From<Result<Fitness, WorkError>> for Answer {
    fn from(fitness: Result<Fitness, WorkError>) -> Self {
        match fitness {
            Ok(Fitness::Fits) => Self::Fits,
            Ok(Fitness::Unfit(reason)) => Self::Unfit(reason.into()),
            Err(error) => error.into(),
        }
    }
}

impl From<WorkError> for Answer {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Refused { reason } => Self::Refused(reason.into()),
            error => Self::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tenancy_types::{CellId, Epoch, Lifecycle};

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let home = Home {
            tenant: TenantId::new(7).unwrap(),
            placement: Placement::new(CellId::new(3).unwrap(), Lifecycle::Active, Epoch::new(1, 9)),
        };
        let text = HomeQuery::from(home).to_string();
        assert_eq!(
            text,
            format!("tenant=7&placement={}", home.placement.to_word())
        );
        assert_eq!(HomeQuery::from(home).home(), Some(home));
        for act in [CellAct::Fence, CellAct::Count] {
            let json = serde_json::to_string(&ActRequest::new(home, act)).unwrap();
            let read: ActRequest = serde_json::from_str(&json).unwrap();
            assert_eq!(read.home.home(), Some(home));
        }
        let counted = Answer::Counted([("shop".to_owned(), 1)].into());
        for answer in [Answer::Done, counted, Answer::Unfit("x".to_owned())] {
            let json = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<Answer>(&json).unwrap(), answer);
        }
    }

    #[test]
    fn an_answer_to_something_else_is_no_success() {
        assert!(Answer::Fits.acted().is_err());
        assert!(Answer::Done.fitness().is_err());
        let refused = Answer::Refused("no".to_owned()).acted();
        assert!(matches!(refused, Err(WorkError::Refused { .. })));
    }
}
