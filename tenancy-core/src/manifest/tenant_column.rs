/// What the tenant's column of a table holds, on Postgres. Policies compare in the column's own type, because
/// a cast of the column keeps its index from being used.
///
/// Exhaustive on purpose: whatever compares the column must decide about each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TenantColumn {
    /// The tenant's number.
    BigInt,
    /// The tenant's external key, which the cell's fence knows beside the number.
    Uuid,
}

impl TenantColumn {
    /// The name of the type as Postgres writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BigInt => "bigint",
            Self::Uuid => "uuid",
        }
    }
}
