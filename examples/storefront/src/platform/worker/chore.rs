//! What there is to do, and how it is done in one shop.

use tenancy_core::{ReadOnly, ReadWrite, TenantContext, db::CellTx};
use tenancy_types::{Kind, Problem, UnixMicros};

use crate::{
    platform::cells::OpenCell,
    shop::{
        ShopError, cart,
        checkout::{
            Checkout, TENANTS_WITH_DUE_ORDERS, TENANTS_WITH_OLD_KEYS, TENANTS_WITH_PENDING_REFUNDS,
            too_far,
        },
        order,
    },
};

/// One kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::platform) enum Chore {
    /// Orders whose time is over are paid, or called off.
    DueOrders,
    /// Refunds are asked for again until the provider confirms them.
    Refunds,
    /// Answers to checkouts are forgotten after 40 days.
    OldKeys,
    /// Carts that nobody has touched for a month are thrown away.
    OldCarts,
}

impl Chore {
    /// The word for it in logs and metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::DueOrders => "due_orders",
            Self::Refunds => "refunds",
            Self::OldKeys => "old_keys",
            Self::OldCarts => "old_carts",
        }
    }

    /// The statement that finds the shops with such work among those with numbers above `after`, and its
    /// parameters.
    pub(super) fn search(self, now: UnixMicros, after: i64) -> (&'static str, Vec<i64>) {
        let far = too_far(now).get();
        let since = Checkout::keys_kept_since(now).get();
        match self {
            Self::DueOrders => (TENANTS_WITH_DUE_ORDERS, vec![now.get(), after, far]),
            Self::Refunds => (TENANTS_WITH_PENDING_REFUNDS, vec![now.get(), after, far]),
            Self::OldKeys => (TENANTS_WITH_OLD_KEYS, vec![since, after]),
            Self::OldCarts => {
                let since = cart::kept_since(now).get();
                (cart::TENANTS_WITH_OLD_CARTS, vec![since, after])
            }
        }
    }

    /// Does it in a shop that has been entered, and tells since when its oldest overdue order is.
    pub(super) async fn run(
        self,
        cell: &OpenCell,
        tenant: &TenantContext<ReadWrite>,
        now: UnixMicros,
        overdue: impl FnOnce(UnixMicros),
    ) -> Result<(), ShopError> {
        let OpenCell {
            shops, checkout, ..
        } = cell;
        match self {
            Self::DueOrders => {
                let oldest = async |tx: &mut CellTx<ReadOnly>| order::oldest_overdue(tx, now).await;
                if let Some(since) = shops.scope(&tenant.to_read_only(), oldest).await? {
                    overdue(since);
                }
                checkout.expire_due(tenant, now).await.map(drop)
            }
            Self::Refunds => checkout.resume_refunds(tenant, now).await.map(drop),
            Self::OldKeys => checkout.forget_keys(tenant, now).await.map(drop),
            Self::OldCarts => cart::forget_old(shops, tenant, now).await.map(drop),
        }
    }
}

/// Whether an error says that the shop is not to be entered now, rather than that something is broken.
pub(super) fn is_refusal(error: &impl Problem) -> bool {
    !matches!(error.kind(), Kind::Internal | Kind::Unavailable)
}
