//! Emptying a tenant for good, or to fill it again from an archive, so that a crash anywhere is gone on from.
//!
//! | phase | act | event | next phase |
//! | --- | --- | --- | --- |
//! | started, to be refilled | check the archive against the cell | checked | checked |
//! | | | refused, with a reason | **refused** |
//! | started, to be forgotten; checked | make it purging in the directory: the point of no return | begun | begun |
//! | | | overtaken | **overtaken** |
//! | begun | bring that to the cell's fence | fenced | fenced |
//! | fenced | end what is open with others: payments of which nobody knows | settled | settled |
//! | settled | count its rows | counted | counted |
//! | counted | delete them | emptied | emptied |
//! | emptied | count again | proven: none | proven |
//! | | | left: some | counted, and the runner reports it |
//! | proven, to be forgotten | make it gone in the directory | retracted | retracted |
//! | retracted | bring that to the fence | closed | closed |
//! | closed | forget it everywhere else | forgotten | **purged**, with a receipt |
//! | proven, to be refilled | make it provisioning in the directory | reopened | reopened |
//! | reopened | bring that to the fence | readied | readied |
//! | readied | load the archive | filled | filled |
//! | | abandoned, when it is asked for | fenced, to be forgotten |
//! | filled | make it active in the directory | published | published |
//! | published | bring that to the fence | opened | **refilled** |
//!
//! The rows are counted before they are deleted, when nobody writes them any more: so the receipt is right
//! although a crash in the middle of the deletion forgets how far it was. The directory comes before the
//! fence, as everywhere. An undo of the offboarding that comes before the first act wins: the purge is then
//! overtaken and has done nothing. One that comes later finds the tenant purging, and there is no way back.
//!
//! A refill that would fail is found out before it begins: a missing, damaged or foreign archive is refused for
//! good, and nothing was deleted. Another archive can be asked for then, also at the same epoch.
//!
//! It may fail all the same: the file is lost, or the program that goes on after a crash has another schema. Then the
//! tenant has no rows and is served to nobody, and the refill is tried again and again, until it is
//! [abandoned](Purging::abandon): the tenant is purged then.
//!
//! Journal and receipt name the tenant by its number alone and hold nothing personal, so they may be kept; but
//! the journal has the archive's name and the reason of a refusal, which the application must choose so.

mod error;
mod event;
mod phase;
mod purger;
mod receipt;
mod request;
mod runner;

pub use error::{NotEmpty, PurgeError, PurgeRejected};
pub use event::{InvalidPurgeEvent, PurgeEvent};
pub use phase::{Deletion, PurgePhase};
pub use purger::{Fitness, Purger};
pub use receipt::PurgeReceipt;
pub use request::{PurgeRequest, Then};
pub use runner::{Purged, Purging};
