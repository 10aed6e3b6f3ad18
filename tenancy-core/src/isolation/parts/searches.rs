//! The search functions: the one door past row security, as narrow as it can be.

use super::qualified;
use crate::{
    SearchDocument, SearchFunction, SearchKind, Table, TableKind, TenantColumn,
    isolation::{Isolation, Statement, sqlstate::SEARCH_FOREIGN},
};

pub(super) fn statements(isolation: &Isolation) -> Vec<Statement> {
    let manifest = isolation.manifest();
    let mut statements = vec![none(isolation)];
    for search in manifest.searches() {
        let table = manifest
            .table(search.table())
            .expect("a manifest checks that its searches are of its tables");
        statements.push(function(isolation, search, table));
    }
    statements
}

/// Made anew each time: a function cannot be replaced by one that answers with other columns.
fn none(isolation: &Isolation) -> Statement {
    let search = isolation.roles().search();
    let sql = format!(
        "DO $tenancy$
DECLARE
    old regprocedure;
BEGIN
    FOR old IN
        SELECT p.oid FROM pg_catalog.pg_proc p
        JOIN pg_catalog.pg_roles r ON r.oid = p.proowner AND r.rolname = '{search}'
        WHERE p.pronamespace = 'tenancy'::regnamespace
    LOOP
        EXECUTE format('DROP FUNCTION %s', old);
    END LOOP;
END
$tenancy$;"
    );
    Statement::new("no searches of earlier manifests", sql)
}

fn function(isolation: &Isolation, search: &SearchFunction, table: &Table) -> Statement {
    let roles = isolation.roles();
    let (owner, app) = (roles.search(), roles.app());
    let Shape {
        argument,
        condition,
        order,
    } = shape(search.kind());
    let name = format!("tenancy.search_{}", search.name());
    let signature = format!("{name}(bigint, {argument})");
    let from = qualified(table);
    let columns = search.columns().unwrap_or(table.key());
    let types = list(columns, |column| {
        format!("\"{column}\" {from}.\"{column}\"%TYPE")
    });
    let selected = list(columns, |column| format!("t.\"{column}\""));
    let positions = list(columns, |column| format!("found.\"{column}\""));
    let tenant = tenant(table);
    let limit = search.max_rows();
    // The parameters are called as no column that it answers with: those are parameters, too.
    //
    // The rows are found first and put in order then: a limit over an order would tempt the planner to walk
    // the tenant's key until it has enough. Each call is planned for its own query, since the beginning of a
    // text is a range of an index only when it is known. Supposed to answer with 1,000 rows, as any function,
    // it would be joined by reading its whole table.
    let sql = format!(
        "CREATE FUNCTION {name}(tenancy_tenant bigint, tenancy_query {argument})
RETURNS TABLE ({types})
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER ROWS {limit}
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $function$
#variable_conflict use_column
BEGIN
    IF (tenancy.current_tenant() = $1) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = '{SEARCH_FOREIGN}',
            MESSAGE = 'tenancy: a search is of the transaction''s own tenant';
    END IF;
    RETURN QUERY
        WITH found AS MATERIALIZED (
            SELECT {selected}, {order} AS tenancy_order
            FROM {from} t
            WHERE {tenant} AND {condition}
        )
        SELECT {positions} FROM found ORDER BY found.tenancy_order, {positions} LIMIT {limit};
END
$function$;
GRANT SELECT ON {from} TO \"{owner}\";
GRANT CREATE ON SCHEMA tenancy TO \"{owner}\";
ALTER FUNCTION {signature} OWNER TO \"{owner}\";
REVOKE CREATE ON SCHEMA tenancy FROM \"{owner}\";
REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {signature} TO \"{app}\";"
    );
    Statement::new(format!("search {}", search.name()), sql)
}

struct Shape {
    argument: &'static str,
    condition: String,
    /// Ascending.
    order: String,
}

fn shape(kind: &SearchKind) -> Shape {
    match kind {
        SearchKind::FullText { document, config } => {
            let document = match document {
                SearchDocument::Column(column) => format!("t.\"{column}\""),
                SearchDocument::Expression(sql) => format!("({sql})"),
            };
            let query = format!("websearch_to_tsquery('{config}', $2)");
            Shape {
                argument: "text",
                condition: format!("{document} @@ {query}"),
                order: format!("-ts_rank({document}, {query})"),
            }
        }
        SearchKind::Json { column } => Shape {
            argument: "jsonb",
            condition: format!("t.\"{column}\" @> $2"),
            order: "0".to_owned(),
        },
        SearchKind::Prefix { column } => Shape {
            argument: "text",
            condition: format!(
                r#"t."{column}" LIKE replace(replace(replace($2, '\', '\\'), '%', '\%'), '_', '\_') || '%'"#
            ),
            order: format!("t.\"{column}\""),
        },
    }
}

/// A value of the column's own type, known before the rows are looked for.
fn tenant(table: &Table) -> String {
    let column = match table.kind() {
        TableKind::Tenant { tenant_column, .. } => tenant_column,
        TableKind::SharedRead | TableKind::ControlPlane => {
            unreachable!("a manifest checks that its searches are of tenants' tables")
        }
    };
    match table.tenant_type() {
        TenantColumn::BigInt => format!("t.\"{column}\" = $1"),
        TenantColumn::Uuid => format!("t.\"{column}\" = (SELECT tenancy.current_external())"),
    }
}

fn list(columns: &[Box<str>], write: impl Fn(&str) -> String) -> String {
    let written: Vec<String> = columns.iter().map(|column| write(column)).collect();
    written.join(", ")
}
