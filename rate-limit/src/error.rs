use std::{borrow::Cow, time::Duration};

use tenancy_types::{Code, Kind, PlanName, Problem, Retry, TenantId};

/// Why a request may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// More requests a second than the quota allows (429 `rate_limited`).
    #[error("over the rate limit for another {retry_after:?}")]
    RateLimited {
        /// How long until the same request would pass.
        retry_after: Duration,
    },
    /// The request costs more than the whole burst, so waiting does not help (413 `too_costly`).
    #[error("a cost of {cost} is above the whole burst of {burst}")]
    TooCostly {
        /// What it would have cost.
        cost: u32,
        /// The burst.
        burst: u32,
    },
    /// As many requests as allowed are in flight (429 `rate_limited`).
    ///
    /// The same code as for the rate, because the client must do the same: send less at a time. A 503 would
    /// say that *we* are out of capacity, and load balancers would count it against a healthy server.
    #[error("all places for requests in flight are taken")]
    Busy,
}

impl Problem for Refusal {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::RateLimited { .. } | Self::Busy => "rate_limited",
            Self::TooCostly { .. } => "too_costly",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::RateLimited { .. } | Self::Busy => Kind::RateLimited,
            Self::TooCostly { .. } => Kind::TooLarge,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::RateLimited { retry_after } => Retry::After(*retry_after),
            // When a place becomes free is not known; it may be now.
            Self::Busy => Retry::Now,
            Self::TooCostly { .. } => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::RateLimited { .. } => "too many requests in a short time".into(),
            Self::Busy => "too many requests at one time".into(),
            Self::TooCostly { .. } => {
                "this request asks for more than is ever allowed at once".into()
            }
        }
    }
}

/// Why limits cannot be set up or changed like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tenant's id is above the capacity given at construction. Until the process starts with more,
    /// the tenant shares the bucket of the unidentified.
    #[error("tenant {tenant} is beyond the capacity of {capacity} tenants")]
    BeyondCapacity {
        /// The tenant.
        tenant: TenantId,
        /// The largest id that fits.
        capacity: usize,
    },
    /// The tenant has no plan that an override could stand above.
    #[error("tenant {tenant} has no plan yet, so its quota cannot be overridden")]
    NoPlan {
        /// The tenant.
        tenant: TenantId,
    },
    /// The index is of another set of plans.
    #[error("there is no plan at index {index} among {plans} plans")]
    UnknownPlan {
        /// The index.
        index: u16,
        /// How many plans there are.
        plans: usize,
    },
    /// More plans than there is room for.
    #[error("{found} plans are more than the {room} that fit")]
    TooManyPlans {
        /// How many were given.
        found: usize,
        /// How many fit.
        room: usize,
    },
    /// A new set of plans has another plan, or none, at a place that tenants may refer to.
    #[error("plan {name} must stay at index {index}, where the new set has {}", found.as_ref().map_or("nothing", PlanName::as_str))]
    PlanMoved {
        /// The plan that stands there now.
        name: PlanName,
        /// Its index.
        index: u16,
        /// What the new set has there.
        found: Option<PlanName>,
    },
}

impl Problem for Error {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::BeyondCapacity { .. } => "limits_full",
            Self::NoPlan { .. } => "not_found",
            Self::UnknownPlan { .. } | Self::TooManyPlans { .. } | Self::PlanMoved { .. } => {
                "invalid_request"
            }
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::BeyondCapacity { .. } => Kind::Unavailable,
            Self::NoPlan { .. } => Kind::NotFound,
            Self::UnknownPlan { .. } | Self::TooManyPlans { .. } | Self::PlanMoved { .. } => {
                Kind::Invalid
            }
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::BeyondCapacity { .. } => "there is no room for limits of another tenant".into(),
            Self::NoPlan { .. } => "the tenant has no plan yet".into(),
            Self::UnknownPlan { .. } => "there is no such plan".into(),
            Self::TooManyPlans { room, .. } => format!("there can be at most {room} plans").into(),
            Self::PlanMoved { name, .. } => {
                format!("plan {name} must stay where it is; add new plans at the end").into()
            }
        }
    }
}
