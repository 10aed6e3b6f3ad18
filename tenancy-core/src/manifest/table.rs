use std::num::NonZeroU16;

use super::{ManifestError, TenantColumn, identifier};

/// Names that belong to the databases or to this crate.
const RESERVED_PREFIXES: [&str; 4] = ["sqlite_", "pragma_", "pg_", "tenancy_"];

/// Schemas that belong to Postgres or to this crate.
const RESERVED_SCHEMAS: [&str; 4] = ["information_schema", "pg_catalog", "pg_temp", "tenancy"];

const DEFAULT_SCHEMA: &str = "public";

/// One table of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    name: Box<str>,
    schema: Box<str>,
    kind: TableKind,
    tenant_type: TenantColumn,
    partitions: Option<NonZeroU16>,
    identity: Identity,
    parents: Vec<Box<str>>,
}

/// What makes a row of a tenants' table the only one of its kind, on Postgres.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// The primary key, which starts with the tenant.
    Primary,
    /// A unique key of the tenant and the declared key, beside a primary key that knows no tenant.
    Unique,
}

/// Whose rows a table holds. Exhaustive on purpose: whatever walks a manifest must decide about each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// Rows of tenants: seen and changed only by their own tenant.
    Tenant {
        /// The column that names the tenant, first of the primary key.
        tenant_column: Box<str>,
        /// The rest of the primary key, in order.
        key: Vec<Box<str>>,
    },
    /// Rows that all tenants read and none writes, such as currencies.
    SharedRead,
    /// Rows of the platform itself, such as journals: no tenant's transaction reads or writes them.
    ControlPlane,
}

impl Table {
    /// A table of tenants' rows whose primary key is `tenant_id` followed by `key`.
    #[must_use]
    pub fn tenant<'k>(name: &str, key: impl IntoIterator<Item = &'k str>) -> Self {
        Self::new(
            name,
            TableKind::Tenant {
                tenant_column: "tenant_id".into(),
                key: key.into_iter().map(Into::into).collect(),
            },
        )
    }

    /// As [`tenant`](Self::tenant), with the tenant's external key, a UUID, in the tenant's column.
    /// Postgres only, where `PostgresCell::set_external_key` tells the cell the key: the fences of SQLite know no
    /// external keys, so a transaction there sees none of its rows.
    #[must_use]
    pub fn tenant_uuid<'k>(name: &str, key: impl IntoIterator<Item = &'k str>) -> Self {
        Self {
            tenant_type: TenantColumn::Uuid,
            ..Self::tenant(name, key)
        }
    }

    /// A table that all tenants read and none writes.
    #[must_use]
    pub fn shared_read(name: &str) -> Self {
        Self::new(name, TableKind::SharedRead)
    }

    /// A table of the platform itself.
    #[must_use]
    pub fn control_plane(name: &str) -> Self {
        Self::new(name, TableKind::ControlPlane)
    }

    fn new(name: &str, kind: TableKind) -> Self {
        Self {
            name: name.into(),
            schema: DEFAULT_SCHEMA.into(),
            kind,
            tenant_type: TenantColumn::BigInt,
            partitions: None,
            identity: Identity::Primary,
            parents: Vec::new(),
        }
    }

    /// Names another column than `tenant_id` as the tenant's. Only tenants' tables have one; on others it
    /// changes nothing.
    #[must_use]
    pub fn tenant_column(mut self, column: &str) -> Self {
        if let TableKind::Tenant { tenant_column, .. } = &mut self.kind {
            *tenant_column = column.into();
        }
        self
    }

    /// Names another schema than `public`. Postgres only; SQLite has no schemas.
    #[must_use]
    pub fn schema(mut self, schema: &str) -> Self {
        self.schema = schema.into();
        self
    }

    /// Splits the table's rows by tenant into this many hash partitions, named `{table}_p{number}`. The
    /// application declares the table `PARTITION BY HASH` of the tenant's column; the partitions are made by
    /// the isolation. Postgres only, and only for tenants' tables; on others it changes nothing.
    #[must_use]
    pub fn partitioned(mut self, partitions: NonZeroU16) -> Self {
        if matches!(self.kind, TableKind::Tenant { .. }) {
            self.partitions = Some(partitions);
        }
        self
    }

    /// Lets a table of an existing schema keep a primary key that does not start with the tenant, such as
    /// `PRIMARY KEY (id)`, when the tenant's column and the declared key are unique beside it. Postgres only.
    ///
    /// Such a primary key tells everybody which keys others have taken: an insert of one fails as a duplicate.
    /// With random UUIDs there is nothing to learn from that.
    #[must_use]
    pub const fn keeps_primary_key(mut self) -> Self {
        self.identity = Identity::Unique;
        self
    }

    /// Declares a table that this one's rows refer to, so that its rows must exist first.
    #[must_use]
    pub fn parent(mut self, table: &str) -> Self {
        self.parents.push(table.into());
        self
    }

    /// The table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The schema it is in, on Postgres.
    #[must_use]
    pub fn schema_name(&self) -> &str {
        &self.schema
    }

    /// What its tenant's column holds, on Postgres. Means nothing in tables that are not tenants'.
    #[must_use]
    pub const fn tenant_type(&self) -> TenantColumn {
        self.tenant_type
    }

    /// How many hash partitions it has, on Postgres; `None` when it is not partitioned by its manifest.
    #[must_use]
    pub const fn partitions(&self) -> Option<NonZeroU16> {
        self.partitions
    }

    /// Whose rows it holds.
    #[must_use]
    pub const fn kind(&self) -> &TableKind {
        &self.kind
    }

    /// The primary key without the tenant's column, in order. Empty where a tenant has one row, and in tables
    /// that are not tenants'.
    #[must_use]
    pub fn key(&self) -> &[Box<str>] {
        match &self.kind {
            TableKind::Tenant { key, .. } => key,
            TableKind::SharedRead | TableKind::ControlPlane => &[],
        }
    }

    /// The tables its rows refer to.
    #[must_use]
    pub fn parents(&self) -> &[Box<str>] {
        &self.parents
    }

    pub(super) fn check(&self) -> Result<(), ManifestError> {
        identifier::check(&self.name, &self.name)?;
        identifier::check(&self.name, &self.schema)?;
        if RESERVED_PREFIXES
            .iter()
            .any(|prefix| self.name.starts_with(prefix))
            || RESERVED_SCHEMAS.contains(&&*self.schema)
        {
            return Err(ManifestError::ReservedName {
                table: self.name.clone(),
            });
        }
        if self.partitions.is_some() {
            identifier::check(&self.name, &self.partition(u16::MAX))?;
        }
        if let TableKind::Tenant { tenant_column, key } = &self.kind {
            identifier::check(&self.name, tenant_column)?;
            let mut columns = vec![tenant_column];
            for column in key {
                identifier::check(&self.name, column)?;
                if columns.contains(&column) {
                    return Err(ManifestError::DuplicateColumn {
                        table: self.name.clone(),
                        column: column.clone(),
                    });
                }
                columns.push(column);
            }
        }
        Ok(())
    }

    /// The table by itself, for questions that are asked of one table.
    #[cfg(feature = "postgres")]
    pub(crate) fn without_parents(self) -> Self {
        Self {
            parents: Vec::new(),
            ..self
        }
    }

    /// What makes a row the only one of its kind.
    #[cfg(feature = "postgres")]
    pub(crate) const fn identity(&self) -> Identity {
        self.identity
    }

    /// The name of one of its partitions.
    pub(crate) fn partition(&self, number: u16) -> String {
        format!("{}_p{number}", self.name)
    }
}
