use tenancy_types::PlanIndex;

const OVERRIDDEN: u16 = 1 << 15;

/// What a tenant may take, in 16 bits: the plan's index plus one (0 is "no plan"), and in the highest bit
/// whether its quota is overridden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms(u16);

impl Terms {
    /// How many plans fit. What one tenant gets beyond its plan is an override, so more plans are a mistake.
    pub(crate) const PLAN_ROOM: usize = 1_024;

    pub(crate) const fn from_word(word: u16) -> Self {
        Self(word)
    }

    pub(crate) const fn to_word(self) -> u16 {
        self.0
    }

    #[inline]
    pub(crate) const fn has_plan(self) -> bool {
        self.0 & !OVERRIDDEN != 0
    }

    /// The plan's row, from 1 on; row 0 is that of no plan.
    #[inline]
    pub(crate) const fn row(self) -> usize {
        (self.0 & !OVERRIDDEN) as usize
    }

    #[inline]
    pub(crate) const fn is_overridden(self) -> bool {
        self.0 & OVERRIDDEN != 0
    }

    /// The plan must be one that fits.
    pub(crate) const fn with_plan(self, plan: PlanIndex) -> Self {
        Self(self.0 & OVERRIDDEN | (plan.get() + 1))
    }

    pub(crate) const fn with_override(self) -> Self {
        Self(self.0 | OVERRIDDEN)
    }

    pub(crate) const fn without_override(self) -> Self {
        Self(self.0 & !OVERRIDDEN)
    }
}
