use std::{fmt::Display, future::Future, panic::Location, slice};

use tenancy_types::TenantId;

use super::{Cell, door::private::Value, invisible::Causes, refusal::is_for_the_row};
use crate::{ReadWrite, TenantContext};

/// In whose name a statement is to be refused, and with what it is to be allowed.
#[derive(Clone, Debug)]
pub struct Foreign(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Id(TenantId),
    External { own: String, foreign: String },
}

impl Foreign {
    /// For tables that know a tenant by its external key: the context's own tenant's, and the other's. They
    /// are bound as texts, so the statement says `cast($1 as uuid)`.
    #[must_use]
    pub fn external(own: impl Display, foreign: impl Display) -> Self {
        Self(Kind::External {
            own: own.to_string(),
            foreign: foreign.to_string(),
        })
    }

    /// The parameter that the statement works with, and the one with which it must not.
    fn values(self, own: TenantId) -> [Value; 2] {
        match self.0 {
            Kind::Id(foreign) => [own, foreign].map(|tenant| Value::Int(tenant.as_i64())),
            Kind::External { own, foreign } => [own, foreign].map(Value::Text),
        }
    }
}

impl From<TenantId> for Foreign {
    fn from(foreign: TenantId) -> Self {
        Self(Kind::Id(foreign))
    }
}

/// Asserts that a tenant cannot write a row in another's name.
///
/// The statement's one parameter, `$1`, is the tenant that it writes for. First the context's own tenant is
/// bound, and the statement must change a row: so it is neither misspelt, nor without its table or its
/// right. Then `foreign` is bound, and it must be refused for the row that it would write, or change none.
/// A right that is missing, a trigger's complaint or a seal that did not hold is no such refusal. Everything
/// is rolled back.
///
/// ```
/// # #[cfg(feature = "portable")] mod example {
/// # use tenancy_core::{ReadWrite, TenantContext, db::CellDb, testing::assert_rejected};
/// async fn check(cell: &CellDb, one: &TenantContext<ReadWrite>, two: &TenantContext<ReadWrite>) {
///     assert_rejected(cell, two, one.tenant(), "insert into product (tenant_id, id) values ($1, 8)").await;
///     assert_rejected(cell, two, one.tenant(), "update product set tenant_id = $1 where id = 9").await;
/// }
/// # }
/// ```
///
/// # Panics
/// With the place of the call, when the statement does not work for the context's own tenant, when it works
/// for the foreign one, or when it is refused for another reason.
///
/// # Cancel safety
/// Nothing is changed.
#[track_caller]
pub fn assert_rejected<C: Cell>(
    cell: &C,
    ctx: &TenantContext<ReadWrite>,
    foreign: impl Into<Foreign>,
    sql: &'static str,
) -> impl Future<Output = ()> + Send {
    let (caller, tenant) = (Location::caller(), ctx.tenant());
    let [own, foreign] = foreign.into().values(tenant);
    async move {
        match cell.change(ctx, sql, &[own]).await {
            Ok(1..) => {}
            Ok(0) => panic!(
                "{caller}: `{sql}` proves nothing: it changes no row of tenant {tenant}'s own"
            ),
            Err(error) => panic!(
                "{caller}: `{sql}` proves nothing: it fails for tenant {tenant} itself: {}",
                Causes(&error)
            ),
        }
        match cell.change(ctx, sql, slice::from_ref(&foreign)).await {
            // A condition that no row of the tenant's fulfils.
            Ok(0) => {}
            Err(error) if is_for_the_row(&error) => {}
            Ok(changed) => panic!(
                "{caller}: LEAK: `{sql}` with {foreign:?} is not refused to tenant {tenant} and changes {changed} rows"
            ),
            Err(error) => panic!(
                "{caller}: `{sql}` with {foreign:?} is refused to tenant {tenant}, but not for being another's: {}",
                Causes(&error)
            ),
        }
    }
}
