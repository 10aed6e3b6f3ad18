//! What a manifest means on SQLite: views that hide other tenants' rows from readers, triggers that keep a
//! writer from touching them.

use std::fmt::Write as _;

use super::{Manifest, Table, TableKind};

/// The table in each connection's temporary schema that holds the transaction's tenant.
const CURRENT: &str = "(SELECT tenant_id FROM temp.tenancy_current)";

/// The fence and the formats are the platform's own.
const OWN_TABLES: [&str; 2] = ["tenancy_fence", "tenancy_format"];

/// Makes the place for a transaction's tenant; empty of one.
const CURRENT_TABLE: &str = "CREATE TEMP TABLE tenancy_current (tenant_id INTEGER);
INSERT INTO temp.tenancy_current VALUES (NULL);
";

/// What a reader connection runs once: after it, an unqualified table name reaches only the view.
pub(crate) fn reader_setup(manifest: &Manifest) -> String {
    let mut sql = String::from(CURRENT_TABLE);
    for table in manifest.tables() {
        sql.push_str(&view(table));
    }
    for name in OWN_TABLES {
        sql.push_str(&hidden(name));
    }
    sql
}

fn view(table: &Table) -> String {
    let name = table.name();
    match table.kind() {
        TableKind::Tenant { tenant_column, .. } => format!(
            "CREATE TEMP VIEW {name} AS SELECT * FROM main.{name} WHERE {tenant_column} = {CURRENT};\n"
        ),
        TableKind::SharedRead => String::new(),
        TableKind::ControlPlane => hidden(name),
    }
}

/// A table that does not exist, by which the error is recognised.
pub(crate) const HIDDEN: &str = "tenancy_hidden_from_tenants";

/// A view that fails when it is used: better than one that is empty, which looks like an answer.
fn hidden(name: &str) -> String {
    format!("CREATE TEMP VIEW {name} AS SELECT * FROM temp.{HIDDEN};\n")
}

/// What a writer connection runs once: after it, a transaction with a tenant changes only that tenant's rows.
pub(crate) fn writer_setup(manifest: &Manifest) -> String {
    let mut sql = String::from(CURRENT_TABLE);
    for table in manifest.tables() {
        match table.kind() {
            TableKind::Tenant { tenant_column, .. } => {
                let old = format!("OLD.{tenant_column} IS NOT {CURRENT}");
                let new = format!("NEW.{tenant_column} IS NOT {CURRENT}");
                refuse(&mut sql, table.name(), "INSERT", &new);
                refuse(&mut sql, table.name(), "UPDATE", &format!("{old} OR {new}"));
                refuse(&mut sql, table.name(), "DELETE", &old);
            }
            TableKind::SharedRead | TableKind::ControlPlane => refuse_all(&mut sql, table.name()),
        }
    }
    for name in OWN_TABLES {
        refuse_all(&mut sql, name);
    }
    sql
}

/// Outside a tenant's transaction the platform itself writes these tables.
fn refuse_all(sql: &mut String, table: &str) {
    for verb in ["INSERT", "UPDATE", "DELETE"] {
        refuse(sql, table, verb, &format!("{CURRENT} IS NOT NULL"));
    }
}

/// The text that a trigger raises, by which the error is recognised.
pub(crate) const FOREIGN_ROW: &str = "tenancy: foreign row";

fn refuse(sql: &mut String, table: &str, verb: &str, when: &str) {
    let name = format!("tenancy_{table}_{}", verb.to_ascii_lowercase());
    writeln!(
        sql,
        "CREATE TEMP TRIGGER {name} BEFORE {verb} ON main.{table} WHEN {when} \
         BEGIN SELECT RAISE(ABORT, '{FOREIGN_ROW}'); END;"
    )
    .expect("writing to a String cannot fail");
}
