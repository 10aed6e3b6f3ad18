//! One cache line: four slots of two words.
//!
//! ```text
//! word 0   fingerprint, high 64 bits
//! word 1   fingerprint, low 32 bits, never 0 | tenant, 0 when the name was removed
//! ```
//!
//! Word 1 is what is published: a reader takes it first (acquire) and trusts word 0 only behind it. The writer stores
//! word 0 first and word 1 last (release). Once word 1 is not 0, word 0 and the upper half of word 1 never change
//! again, so whatever happens to the name afterwards is one store of word 1, and no reader can put the fingerprint of
//! one name together with the tenant of another.

use tenancy_types::TenantId;

use super::fingerprint::Fingerprint;
use crate::sync::{AtomicU64, Ordering};

/// How many slots a line has. They are filled from the first.
pub(super) const SLOTS: usize = 4;

#[derive(Default)]
#[repr(align(64))]
pub(super) struct Line([AtomicU64; 2 * SLOTS]);

/// What a line says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// The slot is the name's, and the tenant has it; none when it was removed.
    Taken(usize, Option<TenantId>),
    /// The name is in no line, and this is the first free slot.
    Free(usize),
    /// The line is full of others.
    Full,
}

impl Line {
    #[inline]
    pub(super) fn probe(&self, name: Fingerprint) -> Probe {
        for slot in 0..SLOTS {
            let claim = self.0[2 * slot + 1].load(Ordering::Acquire);
            if claim == 0 {
                return Probe::Free(slot);
            }
            // Word 0 was stored before any claim that is not 0.
            if (claim >> 32) as u32 == name.low
                && self.0[2 * slot].load(Ordering::Relaxed) == name.high
            {
                return Probe::Taken(slot, TenantId::new(claim as u32));
            }
        }
        Probe::Full
    }

    /// Gives a free slot to a name. Only for the one writer.
    pub(super) fn publish(&self, slot: usize, name: Fingerprint, tenant: TenantId) {
        self.0[2 * slot].store(name.high, Ordering::Relaxed);
        self.point(slot, name, Some(tenant));
    }

    /// Lets the slot's name lead to another tenant, or to none. Only for the one writer, and never with another name
    /// than the slot's.
    pub(super) fn point(&self, slot: usize, name: Fingerprint, tenant: Option<TenantId>) {
        let claim = u64::from(name.low) << 32 | u64::from(tenant.map_or(0, TenantId::get));
        self.0[2 * slot + 1].store(claim, Ordering::Release);
    }

    /// The names in it, removed ones included.
    pub(super) fn names(&self) -> impl Iterator<Item = (Fingerprint, Option<TenantId>)> {
        self.0.chunks_exact(2).map_while(|slot| {
            let claim = slot[1].load(Ordering::Acquire);
            let name = Fingerprint {
                high: slot[0].load(Ordering::Relaxed),
                low: (claim >> 32) as u32,
            };
            (claim != 0).then(|| (name, TenantId::new(claim as u32)))
        })
    }
}
