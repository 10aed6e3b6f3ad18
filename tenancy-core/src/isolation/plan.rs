use std::{collections::BTreeSet, fmt};

use super::{IsolationMode, Net, Roles, Statement, parts};
use crate::{Manifest, TableKind};

/// What goes before the statements. Names mean the same whatever the administrator's search path is; whoever
/// waits for a table that somebody keeps, keeps everybody else waiting behind; and two installations do not
/// meet, since both want the writers' lock of tenant 0, which no tenant has.
pub(super) const PREAMBLE: &str = "SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '10s';
SELECT pg_advisory_xact_lock(1414415193::bigint << 32);";

/// The statements that isolate the tenants of one cell, in order.
///
/// [`Display`](fmt::Display) prints them as a script that can be read, and run with `psql`.
/// [`install`](super::install()) runs the same statements and looks at the tables first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolation {
    manifest: Manifest,
    roles: Roles,
    mode: IsolationMode,
    net: Net,
}

impl Isolation {
    /// The version of what is installed. A cell with a newer one is not touched.
    pub const VERSION: i64 = 2;

    /// The version of the table of fences. A cell with a newer one is not touched.
    pub const FENCE_VERSION: i64 = 2;

    /// The isolation of these tables, with the event trigger.
    #[must_use]
    pub fn new(manifest: &Manifest, roles: Roles, mode: IsolationMode) -> Self {
        Self {
            manifest: manifest.clone(),
            roles,
            mode,
            net: Net::Yes,
        }
    }

    /// With or without the event trigger.
    #[must_use]
    pub const fn with_net(mut self, net: Net) -> Self {
        self.net = net;
        self
    }

    /// The tables.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The roles.
    #[must_use]
    pub const fn roles(&self) -> &Roles {
        &self.roles
    }

    /// What it withstands.
    #[must_use]
    pub const fn mode(&self) -> IsolationMode {
        self.mode
    }

    /// Whether it closes tables that are made by hand.
    #[must_use]
    pub const fn net(&self) -> Net {
        self.net
    }

    /// The names of the two policies that a tenants' table has, of which the second is the floor. `None` for
    /// other tables.
    #[must_use]
    pub fn policies_of(&self, table: &crate::Table) -> Option<[String; 2]> {
        let policies = super::policy::policies(table, &self.roles, self.mode)?;
        Some(policies.map(|policy| policy.name))
    }

    /// The statements, in order, to be run in one transaction. Each can be run again.
    #[must_use]
    pub fn statements(&self) -> Vec<Statement> {
        parts::all(self)
    }

    /// How the columns of tenants are called in declared tables, and by whoever has not declared any, in order.
    pub(super) fn tenant_columns(&self) -> Vec<&str> {
        let tables = self.manifest.tables().iter();
        let declared = tables.filter_map(|table| match table.kind() {
            TableKind::Tenant { tenant_column, .. } => Some(&**tenant_column),
            TableKind::SharedRead | TableKind::ControlPlane => None,
        });
        let names: BTreeSet<&str> = declared.chain(["tenant_id"]).collect();
        names.into_iter().collect()
    }

    /// The schemas of the tables, each once, in the order of the manifest.
    pub(super) fn schemas(&self) -> Vec<&str> {
        let mut schemas = Vec::new();
        for table in self.manifest.tables() {
            if !schemas.contains(&table.schema_name()) {
                schemas.push(table.schema_name());
            }
        }
        schemas
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, roles) = (Self::VERSION, &self.roles);
        let mode = match self.mode {
            IsolationMode::Plain => "plain",
            IsolationMode::Sealed => "sealed",
        };
        writeln!(
            f,
            "-- Isolation of tenants, version {version}, {mode}, for the roles {roles}."
        )?;
        writeln!(
            f,
            "-- Run it as an administrator in the cell's database. It can be run again.\n\nBEGIN;\n{PREAMBLE}"
        )?;
        for statement in self.statements() {
            write!(f, "\n{statement}")?;
        }
        writeln!(f, "\nCOMMIT;")
    }
}
