//! The schema `tenancy` and its tables: versions, fences and keys.

use crate::isolation::{Isolation, Statement};

pub(super) fn statements(isolation: &Isolation) -> Vec<Statement> {
    let roles = isolation.roles();
    let (owner, app, mover) = (roles.owner(), roles.app(), roles.mover());
    let (auditor, search) = (roles.auditor(), roles.search());
    let own = format!(
        "CREATE SCHEMA IF NOT EXISTS tenancy AUTHORIZATION \"{owner}\";
ALTER SCHEMA tenancy OWNER TO \"{owner}\";
REVOKE ALL ON SCHEMA tenancy FROM PUBLIC, \"{app}\", \"{mover}\", \"{auditor}\", \"{search}\";
GRANT USAGE ON SCHEMA tenancy TO \"{app}\", \"{mover}\", \"{auditor}\", \"{search}\";"
    );
    let tables = TABLES.map(|(name, columns)| {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS tenancy.{name} (
{columns}
);
DO $tenancy$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = 'tenancy.{name}'::regclass AND pg_get_userbyid(relowner) = '{owner}'
    ) THEN
        ALTER TABLE tenancy.{name} OWNER TO \"{owner}\";
    END IF;
END
$tenancy$;
REVOKE ALL ON tenancy.{name} FROM PUBLIC, \"{app}\", \"{mover}\", \"{auditor}\", \"{search}\";"
        );
        Statement::new(format!("table tenancy.{name}"), sql)
    });
    let grants = format!(
        "GRANT SELECT ON tenancy.format TO \"{app}\", \"{mover}\", \"{auditor}\";
GRANT SELECT, INSERT, UPDATE, DELETE ON tenancy.fence TO \"{mover}\";"
    );
    [Statement::new("schema tenancy", own)]
        .into_iter()
        .chain(tables)
        .chain([
            Statement::new("grants on the fences", grants),
            Statement::new("fences of the first version", FIRST_FENCES),
            Statement::new("key of transactions", TRANSACTION_KEY),
        ])
        .collect()
}

/// Both modes have the keys, so that they stand before a cell is sealed.
const TABLES: [(&str, &str); 4] = [
    (
        "format",
        "    part text PRIMARY KEY,
    version bigint NOT NULL",
    ),
    (
        "fence",
        "    tenant_id bigint PRIMARY KEY,
    external uuid UNIQUE,
    state text NOT NULL,
    lifecycle text NOT NULL,
    epoch bigint NOT NULL,
    deadline bigint NOT NULL",
    ),
    (
        "seal_key",
        "    id text PRIMARY KEY,
    inner_pad bytea NOT NULL CHECK (octet_length(inner_pad) = 64),
    outer_pad bytea NOT NULL CHECK (octet_length(outer_pad) = 64),
    not_after timestamptz",
    ),
    (
        "transaction_key",
        "    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    inner_pad bytea NOT NULL CHECK (octet_length(inner_pad) = 64),
    outer_pad bytea NOT NULL CHECK (octet_length(outer_pad) = 64)",
    ),
];

/// Fences of version 1 were in the schema `public`.
const FIRST_FENCES: &str = "DO $tenancy$
BEGIN
    IF to_regclass('public.tenancy_fence') IS NOT NULL THEN
        INSERT INTO tenancy.fence (tenant_id, state, lifecycle, epoch, deadline)
            SELECT tenant_id, state, lifecycle, epoch, deadline FROM public.tenancy_fence
            ON CONFLICT (tenant_id) DO NOTHING;
        DROP TABLE public.tenancy_fence;
        DROP TABLE IF EXISTS public.tenancy_format;
    END IF;
END
$tenancy$;";

/// Known to nobody outside of the database. A random UUID has 122 random bits; each pad is four of them.
const TRANSACTION_KEY: &str = "INSERT INTO tenancy.transaction_key (inner_pad, outer_pad)
    SELECT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
            || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
        uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
            || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    ON CONFLICT (singleton) DO NOTHING;";
