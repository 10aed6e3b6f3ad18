use sqlx::PgConnection;

/// A function of the schema `tenancy`, or another one that runs with its owner's rights, is `LEAKPROOF`, or is in
/// a language that is not trusted. Postgres's own are among them when they are not as the cluster was made with.
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
    /// Whether the application may execute it, where it can name it or something else calls it by itself.
    pub(in crate::isolation) executable: bool,
    /// What calls it for whoever may use that, without asking who may execute the function: aggregates, types
    /// and classes of operators.
    pub(in crate::isolation) called_by: Vec<String>,
    /// Whether its language may do anything that the server may; extensions' functions are not said to be so.
    pub(in crate::isolation) untrusted: bool,
}

/// Rows of the catalog that stand as `initdb` wrote them have the transaction 1, which no later one can have, and
/// keep it when they are frozen.
const FUNCTIONS: &str = "
SELECT n.nspname::text AS schema, p.proname::text AS name, oidvectortypes(p.proargtypes) AS arguments,
    pg_get_userbyid(p.proowner)::text AS owner, p.provolatile::text AS volatility,
    p.prosecdef AS definer, p.proleakproof AS leakproof, coalesce(p.proconfig, '{}') AS settings,
    coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) AS body,
    coalesce(has_function_privilege(app.oid, p.oid, 'EXECUTE') AND (
        has_schema_privilege(app.oid, n.oid, 'USAGE') OR EXISTS (
            SELECT FROM pg_depend d WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
        )
    ), false) AS executable,
    CASE WHEN p.prosecdef THEN array(
        SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d
        LEFT JOIN pg_proc f ON d.classid = 'pg_proc'::regclass AND f.oid = d.objid
        WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
            AND (d.classid IN ('pg_type'::regclass, 'pg_amproc'::regclass, 'pg_opclass'::regclass,
                    'pg_opfamily'::regclass)
                OR f.prokind = 'a' AND has_function_privilege(app.oid, f.oid, 'EXECUTE'))
        ORDER BY 1
    ) ELSE '{}' END AS called_by,
    language.untrusted
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
LEFT JOIN pg_roles app ON app.rolname = $1
CROSS JOIN LATERAL (
    SELECT NOT l.lanpltrusted AND p.prokind <> 'a' AND p.oid >= 16384 AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    ) AS untrusted
) language
WHERE n.nspname = 'tenancy'
    OR ((p.prosecdef OR p.proleakproof)
        AND (p.xmin::text <> '1' OR n.nspname NOT IN ('pg_catalog', 'information_schema')))
    OR language.untrusted
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
