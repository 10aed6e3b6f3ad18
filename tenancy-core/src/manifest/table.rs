use super::ManifestError;

/// The longest identifier that every supported database keeps whole (Postgres: `NAMEDATALEN` - 1).
const MAX_IDENTIFIER: usize = 63;

/// Names that belong to the databases or to this crate.
const RESERVED_PREFIXES: [&str; 4] = ["sqlite_", "pragma_", "pg_", "tenancy_"];

/// One table of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    name: Box<str>,
    kind: TableKind,
    parents: Vec<Box<str>>,
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
            kind,
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
        self.check_identifier(&self.name)?;
        if RESERVED_PREFIXES
            .iter()
            .any(|prefix| self.name.starts_with(prefix))
        {
            return Err(ManifestError::ReservedName {
                table: self.name.clone(),
            });
        }
        if let TableKind::Tenant { tenant_column, key } = &self.kind {
            self.check_identifier(tenant_column)?;
            let mut columns = vec![tenant_column];
            for column in key {
                self.check_identifier(column)?;
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

    /// Lower case only: Postgres folds unquoted names and SQLite ignores their case, so that two spellings of
    /// one table cannot be told apart there.
    fn check_identifier(&self, identifier: &str) -> Result<(), ManifestError> {
        let mut bytes = identifier.bytes();
        let plain = bytes
            .next()
            .is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if plain && identifier.len() <= MAX_IDENTIFIER {
            Ok(())
        } else {
            Err(ManifestError::InvalidIdentifier {
                table: self.name.clone(),
                identifier: identifier.into(),
            })
        }
    }
}
