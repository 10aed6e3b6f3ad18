use sqlx::PgConnection;

/// As `CREATE TABLE` would have them: `fence tenant_id bigint NOT NULL`, `fence PRIMARY KEY (tenant_id)`.
const OWN: &str = "
SELECT c.relname || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
    || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = to_regnamespace('tenancy') AND c.relkind IN ('r', 'p')
UNION ALL
SELECT c.relname || ' ' || pg_get_constraintdef(k.oid)
FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype <> 'n'
WHERE c.relnamespace = to_regnamespace('tenancy')
ORDER BY 1";

pub(super) async fn read(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(OWN)
        .persistent(false)
        .fetch_all(connection)
        .await
}
