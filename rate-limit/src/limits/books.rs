//! The words behind the limits: what is remembered of each tenant, and of each plan.
//!
//! What a tenant has lies side by side, so that a check costs one cache miss: 16 bytes, of which 14 are used.
//! Whoever has no words of their own shares one account. The request path only reads the terms, and reads and
//! swaps the others; what changes the terms holds one lock, so that changes do not meet each other.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering},
};

use tenancy_types::{Nanos, Paged, PagedWords, PlanIndex, PlanSet, Quota, TenantId};

use super::terms::Terms;
use crate::{Bucket, Error, Pace};

pub(crate) struct Books {
    accounts: Paged<Words>,
    /// [`Pace`] words of tenants whose terms say that there is one. Sparse by page.
    overrides: PagedWords,
    shared: Words,
    /// By row of a plan: the pace as a word, and how many requests may be in flight. Rows are only added.
    paces: Box<[AtomicU64]>,
    caps: Box<[AtomicU32]>,
    plans: Mutex<PlanSet>,
}

/// What is remembered of one account. Aligned, so that it never lies across two cache lines.
#[derive(Default)]
#[repr(align(16))]
pub(crate) struct Words {
    /// The theoretical arrival time.
    pub(crate) arrival: AtomicU64,
    pub(crate) in_flight: AtomicU32,
    /// [`Terms`].
    terms: AtomicU16,
}

/// The words of a tenant, or the shared ones.
#[derive(Clone, Copy)]
pub(crate) struct Account<'a> {
    pub(crate) words: &'a Words,
    /// Whose they are; `None` for the shared ones.
    pub(crate) owner: Option<TenantId>,
}

impl Account<'_> {
    #[inline]
    pub(crate) fn bucket(&self) -> Bucket {
        match self.owner {
            Some(_) => Bucket::Tenant,
            None => Bucket::Shared,
        }
    }

    #[inline]
    fn terms(&self) -> Terms {
        Terms::from_word(self.words.terms.load(Ordering::Acquire))
    }

    /// Only for whoever holds the lock of the plans.
    fn set_terms(&self, terms: Terms) {
        self.words.terms.store(terms.to_word(), Ordering::Release);
    }
}

impl Books {
    pub(crate) fn new(
        plans: PlanSet,
        unidentified: PlanIndex,
        capacity: u32,
    ) -> Result<Self, Error> {
        if plans.at(unidentified).is_none() {
            return Err(unknown(unidentified, &plans));
        }
        let books = Self {
            accounts: Paged::with_capacity(capacity),
            overrides: Paged::with_capacity(capacity),
            shared: Words::default(),
            paces: (0..=Terms::PLAN_ROOM).map(|_| AtomicU64::new(0)).collect(),
            caps: (0..=Terms::PLAN_ROOM).map(|_| AtomicU32::new(0)).collect(),
            plans: Mutex::new(plans),
        };
        books.write_rows(&books.plans())?;
        let terms = Terms::default().with_plan(unidentified);
        books.shared().set_terms(terms);
        Ok(books)
    }

    /// The tenant's account, or the shared one while it has no plan.
    #[inline]
    pub(crate) fn account(&self, tenant: TenantId) -> Account<'_> {
        match self.own_account(tenant) {
            Some(own) if own.terms().has_plan() => own,
            _ => self.shared(),
        }
    }

    #[inline]
    pub(crate) fn shared(&self) -> Account<'_> {
        Account {
            words: &self.shared,
            owner: None,
        }
    }

    #[inline]
    fn own_account(&self, tenant: TenantId) -> Option<Account<'_>> {
        Some(Account {
            words: self.accounts.get(tenant)?,
            owner: Some(tenant),
        })
    }

    /// The pace of an account that [`account`](Self::account) gave.
    #[inline]
    pub(crate) fn pace(&self, account: Account<'_>) -> Pace {
        let terms = account.terms();
        match account.owner {
            Some(tenant) if terms.is_overridden() => {
                Pace::from_word(self.overrides.load(tenant, Ordering::Acquire))
            }
            _ => self.plan_pace(terms),
        }
    }

    #[inline]
    fn plan_pace(&self, terms: Terms) -> Pace {
        Pace::from_word(self.paces[terms.row()].load(Ordering::Acquire))
    }

    /// How many requests of an account that [`account`](Self::account) gave may be in flight.
    pub(crate) fn cap(&self, account: Account<'_>) -> u32 {
        self.caps[account.terms().row()].load(Ordering::Relaxed)
    }

    /// The account that a permit of this owner was taken from, whatever has happened since.
    pub(crate) fn account_of(&self, owner: Option<TenantId>) -> Account<'_> {
        match owner {
            Some(tenant) => self
                .own_account(tenant)
                .expect("an account that was there stays"),
            None => self.shared(),
        }
    }

    pub(crate) fn set_plan(
        &self,
        tenant: TenantId,
        plan: PlanIndex,
        now: Nanos,
    ) -> Result<(), Error> {
        let plans = self.lock();
        if plans.at(plan).is_none() {
            return Err(unknown(plan, &plans));
        }
        let account = self.open(tenant)?;
        let before = account.terms();
        let set = || account.set_terms(before.with_plan(plan));
        if !before.has_plan() || before.is_overridden() {
            // A new account is full, and an override stands above the plan: no debt to carry over.
            set();
        } else {
            let after = self.plan_pace(before.with_plan(plan));
            change_pace(account, (self.pace(account), after), now, set);
        }
        Ok(())
    }

    pub(crate) fn set_override(
        &self,
        tenant: TenantId,
        quota: Quota,
        now: Nanos,
    ) -> Result<(), Error> {
        let _plans = self.lock();
        let account = self.open(tenant)?;
        let terms = account.terms();
        if !terms.has_plan() {
            return Err(Error::NoPlan { tenant });
        }
        let slot = self.overrides.get_or_grow(tenant);
        let slot = slot.expect("an account that is open is within the capacity");
        let after = Pace::new(quota);
        change_pace(account, (self.pace(account), after), now, || {
            slot.store(after.to_word(), Ordering::Release);
            account.set_terms(terms.with_override());
        });
        Ok(())
    }

    pub(crate) fn clear_override(&self, tenant: TenantId, now: Nanos) {
        let _plans = self.lock();
        let Some(account) = self.own_account(tenant) else {
            return;
        };
        let terms = account.terms();
        if terms.is_overridden() {
            let after = self.plan_pace(terms);
            change_pace(account, (self.pace(account), after), now, || {
                account.set_terms(terms.without_override());
            });
        }
    }

    pub(crate) fn set_plans(&self, new: PlanSet) -> Result<(), Error> {
        let mut plans = self.lock();
        for (index, plan) in plans.iter() {
            let found = new.at(index).map(|plan| &plan.name);
            if found != Some(&plan.name) {
                return Err(Error::PlanMoved {
                    name: plan.name.clone(),
                    index: index.get(),
                    found: found.cloned(),
                });
            }
        }
        self.write_rows(&new)?;
        *plans = new;
        Ok(())
    }

    pub(crate) fn plans(&self) -> PlanSet {
        self.lock().clone()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.accounts.capacity()
    }

    pub(crate) fn memory(&self) -> usize {
        let rows = size_of_val(&*self.paces) + size_of_val(&*self.caps);
        self.accounts.memory() + self.overrides.memory() + rows
    }

    /// The tenant's own account, made if need be.
    fn open(&self, tenant: TenantId) -> Result<Account<'_>, Error> {
        let words = self.accounts.get_or_grow(tenant);
        let words = words.ok_or(Error::BeyondCapacity {
            tenant,
            capacity: self.capacity(),
        })?;
        let owner = Some(tenant);
        Ok(Account { words, owner })
    }

    fn write_rows(&self, plans: &PlanSet) -> Result<(), Error> {
        let found = plans.iter().count();
        if found > Terms::PLAN_ROOM {
            return Err(Error::TooManyPlans {
                found,
                room: Terms::PLAN_ROOM,
            });
        }
        for (index, plan) in plans.iter() {
            let row = Terms::default().with_plan(index).row();
            self.paces[row].store(Pace::new(plan.quota).to_word(), Ordering::Release);
            self.caps[row].store(plan.concurrency.get(), Ordering::Relaxed);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, PlanSet> {
        // No code that can panic leaves the set half changed.
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moves an account to another pace, keeping the part of the burst that is spent.
///
/// The debt and the pace are two words, so a check in between sees the new debt with the old pace. Whatever it
/// makes of that, the debt stays between nothing and a burst, so one change gives away at most a burst.
fn change_pace(
    account: Account<'_>,
    (before, after): (Pace, Pace),
    now: Nanos,
    publish: impl FnOnce(),
) {
    let carry = |word| Some(before.carry(after, Nanos::new(word), now).get());
    account
        .words
        .arrival
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, carry)
        .expect("the change always gives a word");
    publish();
}

fn unknown(index: PlanIndex, plans: &PlanSet) -> Error {
    Error::UnknownPlan {
        index: index.get(),
        plans: plans.iter().count(),
    }
}
