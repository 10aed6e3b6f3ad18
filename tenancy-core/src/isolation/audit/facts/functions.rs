use sqlx::PgConnection;

/// A function of the schema `tenancy`, or another one that runs with its owner's rights or is `LEAKPROOF`.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::isolation) struct Function {
    pub(in crate::isolation) schema: String,
    pub(in crate::isolation) name: String,
    /// The types, such as `bigint, text`.
    pub(in crate::isolation) arguments: String,
    pub(in crate::isolation) owner: String,
    /// Postgres's letter: `v`, `s` or `i`.
    pub(in crate::isolation) volatility: String,
    pub(in crate::isolation) definer: bool,
    pub(in crate::isolation) leakproof: bool,
    /// Such as `search_path=pg_catalog, pg_temp`.
    pub(in crate::isolation) settings: Vec<String>,
    pub(in crate::isolation) body: String,
    /// Whether the application may execute it.
    pub(in crate::isolation) executable: bool,
}

const FUNCTIONS: &str = "
SELECT n.nspname::text AS schema, p.proname::text AS name, oidvectortypes(p.proargtypes) AS arguments,
    pg_get_userbyid(p.proowner)::text AS owner, p.provolatile::text AS volatility,
    p.prosecdef AS definer, p.proleakproof AS leakproof, coalesce(p.proconfig, '{}') AS settings,
    coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) AS body,
    coalesce(has_function_privilege(app.oid, p.oid, 'EXECUTE'), false) AS executable
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN pg_roles app ON app.rolname = $1
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND (n.nspname = 'tenancy' OR p.prosecdef OR p.proleakproof)
ORDER BY 1, 2, 3";

pub(in crate::isolation) async fn read(
    connection: &mut PgConnection,
    app: &str,
) -> Result<Vec<Function>, sqlx::Error> {
    sqlx::query_as(FUNCTIONS)
        .bind(app)
        .persistent(false)
        .fetch_all(connection)
        .await
}

impl Function {
    pub(in crate::isolation) fn signature(&self) -> String {
        format!("{}.{}({})", self.schema, self.name, self.arguments)
    }
}
