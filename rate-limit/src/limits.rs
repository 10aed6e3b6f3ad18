//! The limits of all tenants of a process.

mod books;
mod terms;

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tenancy_types::{Clock, Nanos, PlanIndex, PlanSet, Quota, SystemClock, TenantId};

use crate::{Decision, Error, Pace, Permit, Standing, Verdict};

use self::books::Account;
pub(crate) use self::books::Books;

/// Rate limits and concurrency caps for every tenant, by plan, with overrides at run time.
///
/// Clones share the state. Everything on the request path is synchronous, takes no lock and never
/// allocates: it reads and swaps words in arrays indexed by [`TenantId`].
///
/// # Who is counted where
/// A tenant has a bucket of its own once [`set_plan`](Self::set_plan) has named its plan. All others share
/// one bucket with the plan named at construction: unidentified callers, tenants whose plan is not known
/// yet, and tenants beyond the capacity. Nobody passes uncounted, and [`Standing::bucket`] says which
/// bucket it was.
///
/// # Changes
/// A change holds from the next check on. [`set_plan`](Self::set_plan), [`set_override`](Self::set_override)
/// and [`clear_override`](Self::clear_override) keep the *part* of the burst that is spent: who had used
/// half of the old burst has half of the new one. [`set_plans`](Self::set_plans) touches no tenant, so it
/// keeps the *time* until a bucket is full again, at most the new plan's; where plans have the same
/// proportion of burst to rate before and after (ten seconds in [`PlanSet::standard`]), that is the same.
/// Requests in flight are kept by all of them. A check in the middle of a change may see half of it, so one
/// change can let at most one burst too much through.
///
/// # Memory
/// 16 bytes a tenant in use (arrival time 8, requests in flight 4, plan and override flag 2, unused 2), in
/// pages of 4,096 tenants, and 8 bytes more in each page in which a tenant has an override.
///
/// # Example
/// ```
/// use tenancy_rate_limit::{Decision, PlanSet, SystemClock, TenantId, TenantLimits};
///
/// let plans = PlanSet::standard();
/// let (basic, _) = plans.find(&"basic".parse()?).unwrap();
/// let limits = TenantLimits::new(plans, basic, 100_000, SystemClock)?;
/// let tenant = TenantId::new(42).unwrap();
/// limits.set_plan(tenant, basic)?;
///
/// match limits.check(tenant, 1) {
///     Decision::Allowed(standing) => assert_eq!(standing.remaining(), 499),
///     Decision::Denied { retry_after, .. } => panic!("come back in {retry_after:?}"),
///     Decision::TooCostly { .. } => unreachable!("one unit always fits"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TenantLimits<C = SystemClock> {
    books: Arc<Books>,
    clock: C,
}

impl<C: Clock> TenantLimits<C> {
    /// Limits for tenants with ids up to `capacity` (rounded up to a whole page of 4,096). Whoever has no
    /// plan shares one bucket of the plan `unidentified`.
    ///
    /// Allocates 48 bytes a page and 12 KiB for plans: 35 KiB for two million tenants.
    ///
    /// # Errors
    /// [`Error::UnknownPlan`] when `unidentified` is no index of `plans`, [`Error::TooManyPlans`] above
    /// 1,024 plans.
    pub fn new(
        plans: PlanSet,
        unidentified: PlanIndex,
        capacity: u32,
        clock: C,
    ) -> Result<Self, Error> {
        let books = Arc::new(Books::new(plans, unidentified, capacity)?);
        Ok(Self { books, clock })
    }

    /// Takes `cost` units from the tenant's bucket, if they are there. A few nanoseconds and one cache miss
    /// or two. A cost of 0 takes nothing.
    #[inline]
    pub fn check(&self, tenant: TenantId, cost: u32) -> Decision {
        self.charge(self.books.account(tenant), cost)
    }

    /// Takes `cost` units from the bucket that unidentified callers share.
    pub fn check_unidentified(&self, cost: u32) -> Decision {
        self.charge(self.books.shared(), cost)
    }

    /// Where the bucket stands on which the tenant would be counted. Changes nothing.
    #[must_use]
    pub fn peek(&self, tenant: TenantId) -> Standing {
        let account = self.books.account(tenant);
        let arrival = Nanos::new(account.words.arrival.load(Ordering::Acquire));
        let (pace, now) = (self.books.pace(account), self.clock.now());
        let arrival = pace.settled(arrival, now).unwrap_or(arrival);
        Standing::new(account.bucket(), pace, arrival, now)
    }

    /// Names the tenant's plan and, the first time, gives it a full bucket of its own.
    ///
    /// # Errors
    /// [`Error::BeyondCapacity`] when the id is too large, [`Error::UnknownPlan`] when the index is not of
    /// the plans in force. Nothing is changed then.
    pub fn set_plan(&self, tenant: TenantId, plan: PlanIndex) -> Result<(), Error> {
        self.books.set_plan(tenant, plan, self.clock.now())
    }

    /// Gives one tenant another quota than its plan's, until [`clear_override`](Self::clear_override). The
    /// plan's concurrency cap stays.
    ///
    /// # Errors
    /// [`Error::NoPlan`] before [`set_plan`](Self::set_plan), [`Error::BeyondCapacity`] when the id is too
    /// large. Nothing is changed then.
    pub fn set_override(&self, tenant: TenantId, quota: Quota) -> Result<(), Error> {
        self.books.set_override(tenant, quota, self.clock.now())
    }

    /// Gives the tenant its plan's quota again. Does nothing without an override.
    pub fn clear_override(&self, tenant: TenantId) {
        self.books.clear_override(tenant, self.clock.now());
    }

    /// Replaces the plans, for all tenants at once and without touching them.
    ///
    /// Tenants refer to plans by index, so the new set must begin with the plans in force, by name and in
    /// order; quotas and caps may differ, and more plans may follow.
    ///
    /// # Errors
    /// [`Error::PlanMoved`] when a plan is missing or elsewhere, [`Error::TooManyPlans`] above 1,024.
    /// Nothing is changed then.
    pub fn set_plans(&self, plans: PlanSet) -> Result<(), Error> {
        self.books.set_plans(plans)
    }

    #[inline]
    fn charge(&self, account: Account<'_>, cost: u32) -> Decision {
        let pace = self.books.pace(account);
        let now = self.clock.now();
        let arrival = Nanos::new(account.words.arrival.load(Ordering::Acquire));
        match take(account, pace, (arrival, now), cost) {
            Some(decision) => decision,
            None => self.charge_settled(account, cost),
        }
    }

    /// The slow way, for a bucket that seems overdrawn or that others are charging too.
    ///
    /// The order of reading is what makes it exact: the arrival time first, then the pace and the time. Who
    /// wrote that arrival time had read theirs before, so if the bucket is overdrawn all the same, then the
    /// clock went back or the quota became smaller, and it is right to settle it. In another order a thread
    /// that was held up would take back what others have spent meanwhile.
    #[cold]
    fn charge_settled(&self, account: Account<'_>, cost: u32) -> Decision {
        loop {
            let arrival = Nanos::new(account.words.arrival.load(Ordering::Acquire));
            let (pace, now) = (self.books.pace(account), self.clock.now());
            if let Some(settled) = pace.settled(arrival, now) {
                // Whether this thread or another changes the bucket: it is read again.
                swap(account, arrival, settled);
                continue;
            }
            if let Some(decision) = take(account, pace, (arrival, now), cost) {
                return decision;
            }
        }
    }
}

impl<C> TenantLimits<C> {
    /// Takes a place among the tenant's requests in flight, if its plan has one left. The place is free again
    /// when the permit is dropped.
    #[must_use = "the place is free again as soon as the permit is dropped"]
    pub fn try_enter(&self, tenant: TenantId) -> Option<Permit> {
        Permit::take(&self.books, Some(tenant))
    }

    /// Takes a place among the requests in flight of unidentified callers, if there is one left.
    #[must_use = "the place is free again as soon as the permit is dropped"]
    pub fn try_enter_unidentified(&self) -> Option<Permit> {
        Permit::take(&self.books, None)
    }

    /// How many requests are in flight where the tenant would be counted.
    #[must_use]
    pub fn in_flight(&self, tenant: TenantId) -> u32 {
        let account = self.books.account(tenant);
        account.words.in_flight.load(Ordering::Relaxed)
    }

    /// The plans in force.
    #[must_use]
    pub fn plans(&self) -> PlanSet {
        self.books.plans()
    }

    /// The largest tenant id that can have a bucket of its own.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.books.capacity()
    }

    /// Bytes in use.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.books.memory()
    }

    pub(crate) fn books(&self) -> &Arc<Books> {
        &self.books
    }
}

/// Decides, and charges what passes; `None` when the bucket is overdrawn, or another thread changed it
/// meanwhile.
#[inline]
fn take(
    account: Account<'_>,
    pace: Pace,
    (arrival, now): (Nanos, Nanos),
    cost: u32,
) -> Option<Decision> {
    let standing = |arrival| Standing::new(account.bucket(), pace, arrival, now);
    match pace.decide(arrival, now, cost) {
        Verdict::Pass { arrival: next } => {
            swap(account, arrival, next).then(|| Decision::Allowed(standing(next)))
        }
        _ if pace.settled(arrival, now).is_some() => None,
        Verdict::Wait { nanos } => Some(Decision::Denied {
            standing: standing(arrival),
            retry_after: Duration::from_nanos(nanos),
        }),
        Verdict::Never => Some(Decision::TooCostly {
            standing: standing(arrival),
            cost,
        }),
    }
}

#[inline]
fn swap(account: Account<'_>, from: Nanos, to: Nanos) -> bool {
    account
        .words
        .arrival
        .compare_exchange(from.get(), to.get(), Ordering::AcqRel, Ordering::Acquire)
        .is_ok()
}

impl<C: Clone> Clone for TenantLimits<C> {
    fn clone(&self) -> Self {
        Self {
            books: Arc::clone(&self.books),
            clock: self.clock.clone(),
        }
    }
}

impl<C> fmt::Debug for TenantLimits<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantLimits")
            .field("plans", &self.plans())
            .field("capacity", &self.capacity())
            .field("memory", &self.memory())
            .finish_non_exhaustive()
    }
}
