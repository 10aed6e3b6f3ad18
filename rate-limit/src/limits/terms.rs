use tenancy_types::PlanIndex;

const PLAN_SHIFT: u32 = 32;
const PLAN_MASK: u64 = 0xffff << PLAN_SHIFT;
const OVERRIDDEN: u64 = 1 << 48;

/// What a tenant may take and how much it is taking, in one word: bits 0 to 31 are the requests in flight,
/// bits 32 to 47 the plan's index plus one (0 is "no plan"), bit 48 says that its quota is overridden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms(u64);

impl Terms {
    pub(crate) const fn from_word(word: u64) -> Self {
        Self(word)
    }

    pub(crate) const fn to_word(self) -> u64 {
        self.0
    }

    /// The plan's row, if there is a plan.
    pub(crate) const fn row(self) -> Option<usize> {
        (((self.0 & PLAN_MASK) >> PLAN_SHIFT) as usize).checked_sub(1)
    }

    pub(crate) const fn is_overridden(self) -> bool {
        self.0 & OVERRIDDEN != 0
    }

    pub(crate) const fn in_flight(self) -> u32 {
        self.0 as u32
    }

    /// A plan's index is at most 65,534, so that one more fits 16 bits.
    pub(crate) const fn with_plan(self, plan: PlanIndex) -> Self {
        Self(self.0 & !PLAN_MASK | (plan.get() as u64 + 1) << PLAN_SHIFT)
    }

    pub(crate) const fn with_override(self) -> Self {
        Self(self.0 | OVERRIDDEN)
    }

    pub(crate) const fn without_override(self) -> Self {
        Self(self.0 & !OVERRIDDEN)
    }

    /// One more in flight, unless there are `cap` already.
    pub(crate) const fn entered(self, cap: u32) -> Option<Self> {
        if self.in_flight() < cap {
            Some(Self(self.0 + 1))
        } else {
            None
        }
    }
}
