//! The two policies of a tenants' table.

use sha2::{Digest as _, Sha256};

use super::{IsolationMode, Roles};
use crate::keys::hex::hex;
use crate::{Table, TableKind, TenantColumn};

/// A policy whose name ends in the hash of its body: a table whose policy is of an older version, of another
/// mode or of another column shows it in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) name: String,
    /// What holds of each row that is seen or written.
    pub(super) condition: String,
    /// From `AS` to the end.
    pub(super) body: String,
}

/// How the names of our policies begin, as a regular expression of Postgres.
pub(super) const NAMES: &str = "^tenancy_(rows|floor)_[0-9a-f]{12}$";

/// What lets the application see and change rows, and what holds under any policy that others add: permissive
/// policies are joined by *or*, restrictive ones by *and*.
pub(super) fn policies(table: &Table, roles: &Roles, mode: IsolationMode) -> Option<[Policy; 2]> {
    let TableKind::Tenant { tenant_column, .. } = table.kind() else {
        return None;
    };
    let own = own(mode, table.tenant_type());
    let app = roles.app();
    let policy = |prefix: &str, kind: &str| {
        let condition = format!("\"{tenant_column}\" = {own}");
        let body = format!(
            "AS {kind} FOR ALL TO \"{app}\"\n    USING ({condition})\n    WITH CHECK ({condition})"
        );
        let hash = &hex(Sha256::digest(&body))[..12];
        Policy {
            name: format!("{prefix}_{hash}"),
            condition,
            body,
        }
    };
    Some([
        policy("tenancy_rows", "PERMISSIVE"),
        policy("tenancy_floor", "RESTRICTIVE"),
    ])
}

/// The transaction's tenant in the column's own type, found once for each statement and not for each row.
///
/// After a transaction that had set it, the setting is empty and not null.
const fn own(mode: IsolationMode, column: TenantColumn) -> &'static str {
    match (mode, column) {
        (IsolationMode::Plain, TenantColumn::BigInt) => {
            "nullif((SELECT current_setting('app.tenant_id', true)), '')::bigint"
        }
        (IsolationMode::Sealed, TenantColumn::BigInt) => "(SELECT tenancy.current_tenant())",
        (_, TenantColumn::Uuid) => "(SELECT tenancy.current_external())",
    }
}
