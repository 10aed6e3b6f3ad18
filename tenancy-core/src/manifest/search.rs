use std::num::NonZeroU32;

use super::{Manifest, ManifestError, TableKind, identifier};

/// How many rows a search finds when nothing else is said.
const DEFAULT_LIMIT: NonZeroU32 = NonZeroU32::new(100).expect("100 is not 0");

/// A search of a tenant's rows that Postgres answers by a function of its own.
///
/// Under row security an operator may use an index before the policy has hidden other tenants' rows only if
/// it is *leakproof*, and full text (`@@`), JSON containment (`@>`) and `LIKE` are not: the plain query reads
/// all rows of the tenant, hundreds to thousands of times slower on a large one. So the isolation makes a
/// function `tenancy.search_{name}(tenant, query)` that names the tenant itself, refuses any other than the
/// transaction's own, and answers with the keys of the rows it finds. The rows are then read in the usual way.
///
/// ```
/// use tenancy_core::{Manifest, SearchDocument, SearchFunction, Table};
///
/// let manifest = Manifest::new([Table::tenant("product", ["id"])])?.with_searches([
///     SearchFunction::full_text("product_text", "product", SearchDocument::column("document"), "simple"),
///     SearchFunction::prefix("product_title", "product", "title"),
/// ])?;
/// # Ok::<(), tenancy_core::ManifestError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchFunction {
    name: Box<str>,
    table: Box<str>,
    kind: SearchKind,
    returning: Option<Vec<Box<str>>>,
    limit: NonZeroU32,
}

/// What a search compares. Exhaustive on purpose: whoever writes its SQL must decide about each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchKind {
    /// A document matches a query as people type it (`websearch_to_tsquery`), best match first.
    FullText {
        /// The `tsvector`.
        document: SearchDocument,
        /// The text search configuration that reads the query: `simple`, `english`, or `schema.name`.
        config: Box<str>,
    },
    /// A `jsonb` column contains a given value (`@>`).
    Json {
        /// The column.
        column: Box<str>,
    },
    /// A text column begins with a given text, in the text's order.
    Prefix {
        /// The column.
        column: Box<str>,
    },
}

/// Where the `tsvector` of a full text search comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchDocument {
    /// A column of this name.
    Column(Box<str>),
    /// An expression over the table's columns, the same as the index has. It becomes part of a function that
    /// sees all tenants' rows: it is written by the application and never made of anybody's input.
    Expression(Box<str>),
}

impl SearchDocument {
    /// A column of this name.
    #[must_use]
    pub fn column(name: &str) -> Self {
        Self::Column(name.into())
    }

    /// An expression such as `to_tsvector('simple', title)`.
    #[must_use]
    pub fn expression(sql: &'static str) -> Self {
        Self::Expression(sql.into())
    }
}

impl SearchFunction {
    /// A full text search: [`SearchKind::FullText`].
    #[must_use]
    pub fn full_text(name: &str, table: &str, document: SearchDocument, config: &str) -> Self {
        let config = config.into();
        Self::new(name, table, SearchKind::FullText { document, config })
    }

    /// A search for contained JSON: [`SearchKind::Json`].
    #[must_use]
    pub fn json(name: &str, table: &str, column: &str) -> Self {
        let column = column.into();
        Self::new(name, table, SearchKind::Json { column })
    }

    /// A search for the beginning of a text: [`SearchKind::Prefix`].
    #[must_use]
    pub fn prefix(name: &str, table: &str, column: &str) -> Self {
        let column = column.into();
        Self::new(name, table, SearchKind::Prefix { column })
    }

    fn new(name: &str, table: &str, kind: SearchKind) -> Self {
        Self {
            name: name.into(),
            table: table.into(),
            kind,
            returning: None,
            limit: DEFAULT_LIMIT,
        }
    }

    /// Answers with these columns instead of the table's key.
    #[must_use]
    pub fn returning<'c>(mut self, columns: impl IntoIterator<Item = &'c str>) -> Self {
        self.returning = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Finds at most so many rows, instead of 100.
    #[must_use]
    pub const fn limit(mut self, rows: NonZeroU32) -> Self {
        self.limit = rows;
        self
    }

    /// The search's name. Its function is `tenancy.search_{name}`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The table whose rows it finds.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// What it compares.
    #[must_use]
    pub const fn kind(&self) -> &SearchKind {
        &self.kind
    }

    /// The most rows that it finds.
    #[must_use]
    pub const fn max_rows(&self) -> NonZeroU32 {
        self.limit
    }

    /// The columns it answers with, if they are other ones than the table's key.
    #[must_use]
    pub fn columns(&self) -> Option<&[Box<str>]> {
        self.returning.as_deref()
    }

    pub(super) fn check(&self, manifest: &Manifest) -> Result<(), ManifestError> {
        let of = &self.name;
        identifier::check(of, &format!("search_{of}"))?;
        let table = manifest
            .table(&self.table)
            .filter(|table| matches!(table.kind(), TableKind::Tenant { .. }))
            .ok_or_else(|| ManifestError::SearchTable {
                search: of.clone(),
                table: self.table.clone(),
            })?;
        let columns = self.columns().unwrap_or(table.key());
        if columns.is_empty() {
            return Err(ManifestError::SearchColumns { search: of.clone() });
        }
        for column in columns {
            identifier::check(of, column)?;
        }
        match &self.kind {
            SearchKind::FullText { document, config } => {
                if let SearchDocument::Column(column) = document {
                    identifier::check(of, column)?;
                }
                config
                    .splitn(2, '.')
                    .try_for_each(|part| identifier::check(of, part))
            }
            SearchKind::Json { column } | SearchKind::Prefix { column } => {
                identifier::check(of, column)
            }
        }
    }
}
