//! Making a tenant, so that a crash anywhere leaves either the tenant or nothing.
//!
//! | phase | act | event | next phase |
//! | --- | --- | --- | --- |
//! | started | create the directory row with slug and domains | created | created |
//! | | | refused | **refused** |
//! | created | write the fence into the cell | fenced | fenced |
//! | fenced | write the seed rows | seeded | seeded |
//! | | | refused | unwinding |
//! | seeded | make it active in the directory: the commit point | published | published |
//! | published | make it active in the fence | opened | **ready** |
//! | unwinding | make it gone in the directory | retracted | retracted |
//! | retracted | clear the cell | cleared | **refused** |
//!
//! The directory comes before the fence in both directions, since it is the authority: a fence never says
//! more than the directory has decided. The last phases are ready and refused, both with an answer that a
//! repeated request gets again.

mod error;
mod event;
mod phase;
mod provisioner;
mod refusal;
mod runner;

pub use error::{ProvisionError, Rejected};
pub use event::{Event, InvalidEvent};
pub use phase::{Home, Phase};
pub use provisioner::{ActError, ProvisionRequest, Provisioner};
pub use refusal::Refusal;
pub use runner::{Provisioning, Resumed};
