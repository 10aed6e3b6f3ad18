//! The words and ports that the Tenancy crates share.
//!
//! A *tenant* is a logical boundary inside shared infrastructure; a *cell* is a self-contained stack that
//! serves thousands of them. This crate names both ([`TenantId`], [`CellId`]), says where a tenant lives
//! ([`Placement`], [`Epoch`], [`Lifecycle`]), what it may take ([`Plan`], [`Quota`], [`WorkBudget`]), and
//! defines the ports that two or more crates need: [`Clock`], [`Lookup`] and [`Problem`].
//!
//! ```
//! use tenancy_types::{CellId, Epoch, Lifecycle, Placement};
//!
//! let home = Placement::new(CellId::new(3).unwrap(), Lifecycle::Active, Epoch::FIRST);
//! // A placement is one machine word, so a route table can change it with a single store.
//! assert_eq!(Placement::from_word(home.to_word()).unwrap(), home);
//! ```
//!
//! It has no runtime and no I/O. Whoever wants only the limiter or only the planner compiles this and
//! `thiserror`.
//!
//! | feature | what you get |
//! | --- | --- |
//! | `http` | [`Respond`]: how a refusal becomes an HTTP response, and [`ProblemJson`] (RFC 9457) |
//! | `test-util` | [`ManualClock`] |

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod budget;
mod change;
mod clock;
mod domain;
mod epoch;
mod history;
mod id;
mod lifecycle;
mod lookup;
mod paged;
mod placement;
mod plan;
mod problem;
mod quota;
mod region;
mod request_key;
#[cfg(feature = "http")]
mod respond;
mod slug;

pub use budget::WorkBudget;
pub use change::{DirectoryEvent, LogEntry, Revision};
#[cfg(feature = "test-util")]
pub use clock::ManualClock;
pub use clock::{Clock, Nanos, SystemClock, UnixMicros};
pub use domain::{DomainName, InvalidDomainName};
pub use epoch::{Epoch, EpochExhausted, InvalidEpoch};
pub use history::{DirectoryId, History, InvalidDirectoryId, Position};
pub use id::{CellId, InvalidCellId, InvalidTenantId, TenantId};
pub use lifecycle::{InvalidLifecycle, Lifecycle};
pub use lookup::{Answer, Lookup, Route};
pub use paged::{Paged, PagedWords};
pub use placement::{InvalidPlacement, Placement};
pub use plan::{InvalidPlanName, InvalidPlanSet, Plan, PlanIndex, PlanName, PlanSet};
pub use problem::{Code, Kind, Problem, Retry};
pub use quota::{InvalidQuota, Quota};
pub use region::{InvalidRegion, Region};
pub use request_key::{InvalidRequestKey, RequestKey};
#[cfg(feature = "http")]
pub use respond::{ProblemJson, Respond, retry_after};
pub use slug::{InvalidSlug, Slug};

/// The README's example, so that it is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
