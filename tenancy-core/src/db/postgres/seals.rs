use tenancy_types::{Clock as _, SystemClock, UnixMicros};

use crate::{
    db::database::{Mode, Opening},
    isolation::{SealAccess, SealClaim, SealKey},
};

/// How long a seal is valid, in microseconds. It is used at once, but the clocks of two machines may differ.
const LIFETIME: i64 = 60_000_000;

/// The last argument of `tenancy.enter` for a transaction that begins now.
pub(super) fn seal(key: &SealKey, opening: Opening) -> String {
    let access = match opening.access {
        Mode::Read => SealAccess::Read,
        Mode::Write => SealAccess::Write,
    };
    key.seal(&SealClaim {
        tenant: opening.tenant,
        epoch: opening.epoch,
        access,
        expires: UnixMicros::new(SystemClock.unix().get().saturating_add(LIFETIME)),
    })
}
