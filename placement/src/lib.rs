#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod assign;
mod assignment;
mod demand;
mod error;
mod fleet;
mod rule;
mod why_not;

pub use assign::assign;
pub use assignment::{Assignment, Candidate};
pub use demand::{Demand, InvalidDemand, Residency};
pub use error::NoCell;
pub use fleet::{CellFacts, CellStatus, Fleet, InvalidFleet};
pub use why_not::{Refusal, WhyNot};
