-- Isolation of tenants, version 2, plain, for the roles shop_*.
-- Run it as an administrator in the cell's database. It can be run again.

BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '10s';
SELECT pg_advisory_xact_lock(1414415193::bigint << 32);

-- nothing of others in its place
DO $tenancy$
DECLARE
    stranger text;
BEGIN
    SELECT found.what INTO stranger FROM (
        SELECT format('schema tenancy of %s', pg_get_userbyid(n.nspowner)) AS what
        FROM pg_catalog.pg_namespace n
        WHERE n.nspname = 'tenancy' AND pg_get_userbyid(n.nspowner) <> 'shop_owner'
        UNION ALL
        SELECT format('relation tenancy.%s of %s, of kind %s', c.relname, pg_get_userbyid(c.relowner), c.relkind)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'tenancy' AND c.relkind <> 'i'
            AND (c.relkind <> 'r' OR pg_get_userbyid(c.relowner) <> 'shop_owner')
        UNION ALL
        SELECT format('trigger %s on tenancy.%s', t.tgname, c.relname)
        FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'tenancy' AND NOT t.tgisinternal
        UNION ALL
        SELECT format('rule %s on tenancy.%s', r.rulename, c.relname)
        FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'tenancy'
        UNION ALL
        SELECT format('relation public.%s of %s, of kind %s', c.relname, pg_get_userbyid(c.relowner), c.relkind)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relname IN ('tenancy_fence', 'tenancy_format')
            AND (c.relkind <> 'r' OR NOT (r.rolsuper OR r.rolname IN ('shop_owner', current_user)))
    ) found LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'TN021', MESSAGE = stranger;
    END IF;
END
$tenancy$;

-- no newer version
DO $tenancy$
BEGIN
    IF to_regclass('tenancy.format') IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (
        SELECT FROM tenancy.format
        WHERE (part = 'isolation' AND version > 2) OR (part = 'fence' AND version > 2)
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'TN020',
            MESSAGE = 'tenancy: this cell is of a newer version than these statements';
    END IF;
END
$tenancy$;

-- no role of others
DO $tenancy$
DECLARE
    taken text;
BEGIN
    IF to_regclass('tenancy.format') IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT r.rolname INTO taken
    FROM (
        VALUES
            ('shop_owner', false, false, false),
            ('shop_app', true, false, true),
            ('shop_mover', true, true, true),
            ('shop_auditor', true, false, true),
            ('shop_search', false, true, true)
    ) own (name, login, bypass, alone)
    JOIN pg_catalog.pg_roles r ON r.rolname = own.name
    WHERE r.rolcanlogin <> own.login OR r.rolbypassrls <> own.bypass
        OR r.rolsuper OR r.rolcreatedb OR r.rolcreaterole OR r.rolreplication
        OR (own.alone AND EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'TN021',
            MESSAGE = format('a role %s of other rights: take another prefix, or give it those of the cell''s', taken);
    END IF;
END
$tenancy$;

-- role shop_owner
DO $tenancy$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'shop_owner') THEN
        CREATE ROLE "shop_owner" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    ELSIF EXISTS (
        SELECT FROM pg_catalog.pg_roles WHERE rolname = 'shop_owner'
            AND (rolcanlogin <> false OR rolbypassrls <> false
                OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication)
    ) THEN
        ALTER ROLE "shop_owner" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
END
$tenancy$;

-- role shop_app
DO $tenancy$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'shop_app') THEN
        CREATE ROLE "shop_app" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    ELSIF EXISTS (
        SELECT FROM pg_catalog.pg_roles WHERE rolname = 'shop_app'
            AND (rolcanlogin <> true OR rolbypassrls <> false
                OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication)
    ) THEN
        ALTER ROLE "shop_app" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
END
$tenancy$;

-- role shop_mover
DO $tenancy$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'shop_mover') THEN
        CREATE ROLE "shop_mover" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS;
    ELSIF EXISTS (
        SELECT FROM pg_catalog.pg_roles WHERE rolname = 'shop_mover'
            AND (rolcanlogin <> true OR rolbypassrls <> true
                OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication)
    ) THEN
        ALTER ROLE "shop_mover" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS;
    END IF;
END
$tenancy$;

-- role shop_auditor
DO $tenancy$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'shop_auditor') THEN
        CREATE ROLE "shop_auditor" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    ELSIF EXISTS (
        SELECT FROM pg_catalog.pg_roles WHERE rolname = 'shop_auditor'
            AND (rolcanlogin <> true OR rolbypassrls <> false
                OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication)
    ) THEN
        ALTER ROLE "shop_auditor" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
END
$tenancy$;

-- role shop_search
DO $tenancy$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'shop_search') THEN
        CREATE ROLE "shop_search" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS;
    ELSIF EXISTS (
        SELECT FROM pg_catalog.pg_roles WHERE rolname = 'shop_search'
            AND (rolcanlogin <> false OR rolbypassrls <> true
                OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication)
    ) THEN
        ALTER ROLE "shop_search" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS;
    END IF;
END
$tenancy$;

-- the administrator may give objects to their owners
DO $tenancy$
DECLARE
    role text;
    needed text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH role IN ARRAY ARRAY['shop_owner', 'shop_search'] LOOP
        IF NOT pg_has_role(current_user, role, needed) THEN
            EXECUTE format('GRANT %I TO %I', role, current_user);
        END IF;
    END LOOP;
END
$tenancy$;

-- role shop_app is a member of nothing
DO $tenancy$
DECLARE
    membership record;
BEGIN
    FOR membership IN
        SELECT held.rolname AS role, giver.rolname AS grantor
        FROM pg_catalog.pg_auth_members m
        JOIN pg_catalog.pg_roles member ON member.oid = m.member AND member.rolname = 'shop_app'
        JOIN pg_catalog.pg_roles held ON held.oid = m.roleid
        LEFT JOIN pg_catalog.pg_roles giver ON giver.oid = m.grantor
    LOOP
        -- From 16 on each grantor's grant is one of its own.
        EXECUTE format('REVOKE %I FROM "shop_app"', membership.role)
            || CASE WHEN current_setting('server_version_num')::int >= 160000
                THEN format(' GRANTED BY %I', membership.grantor) ELSE '' END;
    END LOOP;
END
$tenancy$;

-- role shop_mover is a member of nothing
DO $tenancy$
DECLARE
    membership record;
BEGIN
    FOR membership IN
        SELECT held.rolname AS role, giver.rolname AS grantor
        FROM pg_catalog.pg_auth_members m
        JOIN pg_catalog.pg_roles member ON member.oid = m.member AND member.rolname = 'shop_mover'
        JOIN pg_catalog.pg_roles held ON held.oid = m.roleid
        LEFT JOIN pg_catalog.pg_roles giver ON giver.oid = m.grantor
    LOOP
        -- From 16 on each grantor's grant is one of its own.
        EXECUTE format('REVOKE %I FROM "shop_mover"', membership.role)
            || CASE WHEN current_setting('server_version_num')::int >= 160000
                THEN format(' GRANTED BY %I', membership.grantor) ELSE '' END;
    END LOOP;
END
$tenancy$;

-- role shop_auditor is a member of nothing
DO $tenancy$
DECLARE
    membership record;
BEGIN
    FOR membership IN
        SELECT held.rolname AS role, giver.rolname AS grantor
        FROM pg_catalog.pg_auth_members m
        JOIN pg_catalog.pg_roles member ON member.oid = m.member AND member.rolname = 'shop_auditor'
        JOIN pg_catalog.pg_roles held ON held.oid = m.roleid
        LEFT JOIN pg_catalog.pg_roles giver ON giver.oid = m.grantor
    LOOP
        -- From 16 on each grantor's grant is one of its own.
        EXECUTE format('REVOKE %I FROM "shop_auditor"', membership.role)
            || CASE WHEN current_setting('server_version_num')::int >= 160000
                THEN format(' GRANTED BY %I', membership.grantor) ELSE '' END;
    END LOOP;
END
$tenancy$;

-- role shop_search is a member of nothing
DO $tenancy$
DECLARE
    membership record;
BEGIN
    FOR membership IN
        SELECT held.rolname AS role, giver.rolname AS grantor
        FROM pg_catalog.pg_auth_members m
        JOIN pg_catalog.pg_roles member ON member.oid = m.member AND member.rolname = 'shop_search'
        JOIN pg_catalog.pg_roles held ON held.oid = m.roleid
        LEFT JOIN pg_catalog.pg_roles giver ON giver.oid = m.grantor
    LOOP
        -- From 16 on each grantor's grant is one of its own.
        EXECUTE format('REVOKE %I FROM "shop_search"', membership.role)
            || CASE WHEN current_setting('server_version_num')::int >= 160000
                THEN format(' GRANTED BY %I', membership.grantor) ELSE '' END;
    END LOOP;
END
$tenancy$;

-- search path of shop_app
DO $tenancy$
BEGIN
    EXECUTE format('ALTER ROLE "shop_app" IN DATABASE %I SET search_path TO "public", "files"', current_database());
END
$tenancy$;

-- search path of shop_mover
DO $tenancy$
BEGIN
    EXECUTE format('ALTER ROLE "shop_mover" IN DATABASE %I SET search_path TO "public", "files"', current_database());
END
$tenancy$;

-- no preset tenant
DO $tenancy$
DECLARE
    preset record;
BEGIN
    FOR preset IN
        SELECT coalesce(quote_ident(r.rolname), 'ALL') AS role,
            coalesce(' IN DATABASE ' || quote_ident(d.datname), '') AS place,
            quote_ident(split_part(one, '.', 1)) || '.'
                || quote_ident(split_part(split_part(one, '=', 1), '.', 2)) AS setting
        FROM pg_catalog.pg_db_role_setting s
        CROSS JOIN unnest(s.setconfig) one
        LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
        LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
        WHERE starts_with(lower(one), 'app.tenant_id=')
            AND (s.setrole = 0 OR r.rolname = 'shop_app')
            AND (s.setdatabase = 0 OR d.datname = current_database())
    LOOP
        EXECUTE format('ALTER ROLE %s%s RESET %s', preset.role, preset.place, preset.setting);
    END LOOP;
END
$tenancy$;

-- schema tenancy
CREATE SCHEMA IF NOT EXISTS tenancy AUTHORIZATION "shop_owner";
ALTER SCHEMA tenancy OWNER TO "shop_owner";
REVOKE ALL ON SCHEMA tenancy FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";
GRANT USAGE ON SCHEMA tenancy TO "shop_app", "shop_mover", "shop_auditor", "shop_search";

-- table tenancy.format
CREATE TABLE IF NOT EXISTS tenancy.format (
    part text PRIMARY KEY,
    version bigint NOT NULL
);
DO $tenancy$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = 'tenancy.format'::regclass AND pg_get_userbyid(relowner) = 'shop_owner'
    ) THEN
        ALTER TABLE tenancy.format OWNER TO "shop_owner";
    END IF;
END
$tenancy$;
REVOKE ALL ON tenancy.format FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";

-- table tenancy.fence
CREATE TABLE IF NOT EXISTS tenancy.fence (
    tenant_id bigint PRIMARY KEY,
    external uuid UNIQUE,
    state text NOT NULL,
    lifecycle text NOT NULL,
    epoch bigint NOT NULL,
    deadline bigint NOT NULL
);
DO $tenancy$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = 'tenancy.fence'::regclass AND pg_get_userbyid(relowner) = 'shop_owner'
    ) THEN
        ALTER TABLE tenancy.fence OWNER TO "shop_owner";
    END IF;
END
$tenancy$;
REVOKE ALL ON tenancy.fence FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";

-- table tenancy.seal_key
CREATE TABLE IF NOT EXISTS tenancy.seal_key (
    id text PRIMARY KEY,
    inner_pad bytea NOT NULL CHECK (octet_length(inner_pad) = 64),
    outer_pad bytea NOT NULL CHECK (octet_length(outer_pad) = 64),
    not_after timestamptz
);
DO $tenancy$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = 'tenancy.seal_key'::regclass AND pg_get_userbyid(relowner) = 'shop_owner'
    ) THEN
        ALTER TABLE tenancy.seal_key OWNER TO "shop_owner";
    END IF;
END
$tenancy$;
REVOKE ALL ON tenancy.seal_key FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";

-- table tenancy.transaction_key
CREATE TABLE IF NOT EXISTS tenancy.transaction_key (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    inner_pad bytea NOT NULL CHECK (octet_length(inner_pad) = 64),
    outer_pad bytea NOT NULL CHECK (octet_length(outer_pad) = 64)
);
DO $tenancy$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = 'tenancy.transaction_key'::regclass AND pg_get_userbyid(relowner) = 'shop_owner'
    ) THEN
        ALTER TABLE tenancy.transaction_key OWNER TO "shop_owner";
    END IF;
END
$tenancy$;
REVOKE ALL ON tenancy.transaction_key FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";

-- grants on the fences
GRANT SELECT ON tenancy.format TO "shop_app", "shop_mover", "shop_auditor";
GRANT SELECT, INSERT, UPDATE, DELETE ON tenancy.fence TO "shop_mover";

-- fences of the first version
DO $tenancy$
BEGIN
    IF to_regclass('public.tenancy_fence') IS NOT NULL THEN
        INSERT INTO tenancy.fence (tenant_id, state, lifecycle, epoch, deadline)
            SELECT tenant_id, state, lifecycle, epoch, deadline FROM public.tenancy_fence
            ON CONFLICT (tenant_id) DO NOTHING;
        DROP TABLE public.tenancy_fence;
        DROP TABLE IF EXISTS public.tenancy_format;
    END IF;
END
$tenancy$;

-- key of transactions
INSERT INTO tenancy.transaction_key (inner_pad, outer_pad)
    SELECT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
            || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
        uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
            || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    ON CONFLICT (singleton) DO NOTHING;

-- no guard of version 1
DROP FUNCTION IF EXISTS tenancy.enter(bigint, bigint, boolean, bigint, bigint, text);

-- function tenancy.current_tenant()
CREATE OR REPLACE FUNCTION tenancy.current_tenant() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(pg_catalog.current_setting('app.tenant_id', true), '')::bigint;
ALTER FUNCTION tenancy.current_tenant() OWNER TO "shop_owner";
REVOKE ALL ON FUNCTION tenancy.current_tenant() FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";
GRANT EXECUTE ON FUNCTION tenancy.current_tenant() TO "shop_app", "shop_mover", "shop_search";

-- function tenancy.current_external()
CREATE OR REPLACE FUNCTION tenancy.current_external() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
AS $function$
BEGIN
    RETURN (
        SELECT f.external FROM tenancy.fence f
        WHERE f.tenant_id OPERATOR(pg_catalog.=) (SELECT tenancy.current_tenant())
    );
END
$function$;
ALTER FUNCTION tenancy.current_external() OWNER TO "shop_owner";
REVOKE ALL ON FUNCTION tenancy.current_external() FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";
GRANT EXECUTE ON FUNCTION tenancy.current_external() TO "shop_app", "shop_mover", "shop_search";

-- function tenancy.enter(bigint, bigint, boolean, bigint, text)
CREATE OR REPLACE FUNCTION tenancy.enter(
    tenant bigint, at_epoch bigint, writes boolean, statement_ms bigint, seal text
) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
AS $function$
DECLARE
    entered boolean := true;
    answer pg_catalog.text;
BEGIN
    IF writes THEN
        entered := pg_catalog.pg_try_advisory_xact_lock_shared(6074866996900528128 OPERATOR(pg_catalog.|) tenant);
    ELSIF pg_catalog.current_setting('transaction_read_only') OPERATOR(pg_catalog.<>) 'on' THEN
        RAISE EXCEPTION USING ERRCODE = 'TN004',
            MESSAGE = 'tenancy: a transaction that enters for reading must be read only';
    END IF;
    IF writes AND entered
        AND pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) 'read committed'
    THEN
        SELECT pg_catalog.concat_ws(' ', entered, f.state, f.lifecycle, f.epoch, f.deadline,
                pg_catalog.set_config('app.tenant_id', CASE WHEN entered THEN tenant::pg_catalog.text END, true),
                pg_catalog.set_config('statement_timeout', greatest(statement_ms, 1)::pg_catalog.text, true))
            INTO answer FROM tenancy.fence f WHERE f.tenant_id OPERATOR(pg_catalog.=) tenant
            FOR SHARE;
    ELSE
        SELECT pg_catalog.concat_ws(' ', entered, f.state, f.lifecycle, f.epoch, f.deadline,
                pg_catalog.set_config('app.tenant_id', CASE WHEN entered THEN tenant::pg_catalog.text END, true),
                pg_catalog.set_config('statement_timeout', greatest(statement_ms, 1)::pg_catalog.text, true))
            INTO answer FROM tenancy.fence f WHERE f.tenant_id OPERATOR(pg_catalog.=) tenant;
    END IF;
    RETURN answer;
END
$function$;
ALTER FUNCTION tenancy.enter(bigint, bigint, boolean, bigint, text) OWNER TO "shop_owner";
REVOKE ALL ON FUNCTION tenancy.enter(bigint, bigint, boolean, bigint, text) FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";
GRANT EXECUTE ON FUNCTION tenancy.enter(bigint, bigint, boolean, bigint, text) TO "shop_app", "shop_mover";

-- function tenancy.leave(bigint)
CREATE OR REPLACE FUNCTION tenancy.leave(tenant bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $function$
BEGIN
    IF (pg_catalog.current_setting('app.tenant_id', true) OPERATOR(pg_catalog.=) tenant::pg_catalog.text) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'TN010',
            MESSAGE = 'tenancy: the transaction is not this tenant''s';
    END IF;
END
$function$;
ALTER FUNCTION tenancy.leave(bigint) OWNER TO "shop_owner";
REVOKE ALL ON FUNCTION tenancy.leave(bigint) FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";
GRANT EXECUTE ON FUNCTION tenancy.leave(bigint) TO "shop_app", "shop_mover";

-- connections, and no temporary tables
DO $tenancy$
BEGIN
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC, "shop_app"', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO "shop_app", "shop_mover", "shop_auditor"', current_database());
END
$tenancy$;

-- no default privileges
DO $tenancy$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT DISTINCT maker.rolname AS maker, n.nspname AS schema,
            CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' ELSE 'SEQUENCES' END AS kind,
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE '"shop_app"' END AS grantee
        FROM pg_catalog.pg_default_acl d
        CROSS JOIN LATERAL aclexplode(d.defaclacl) a
        JOIN pg_catalog.pg_roles maker ON maker.oid = d.defaclrole
        LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
        WHERE d.defaclobjtype IN ('r', 'S')
            AND a.grantee IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = 'shop_app'))
    LOOP
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I', given.maker)
            || CASE WHEN given.schema IS NULL THEN '' ELSE format(' IN SCHEMA %I', given.schema) END
            || format(' REVOKE ALL ON %s FROM %s', given.kind, given.grantee);
    END LOOP;
END
$tenancy$;

-- schema public
REVOKE CREATE ON SCHEMA "public" FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";
GRANT USAGE, CREATE ON SCHEMA "public" TO "shop_owner";
GRANT USAGE ON SCHEMA "public" TO "shop_app", "shop_mover", "shop_auditor", "shop_search";

-- schema files
REVOKE CREATE ON SCHEMA "files" FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";
GRANT USAGE, CREATE ON SCHEMA "files" TO "shop_owner";
GRANT USAGE ON SCHEMA "files" TO "shop_app", "shop_mover", "shop_auditor", "shop_search";

-- no large objects
DO $tenancy$
DECLARE
    one regprocedure;
    may boolean;
BEGIN
    FOR one, may IN
        SELECT p.oid, pg_has_role(p.proowner, 'USAGE') FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ '^lo_|^lo(read|write)$' AND has_function_privilege('shop_app', p.oid, 'EXECUTE')
        ORDER BY p.oid
    LOOP
        IF may THEN
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, "shop_app"', one);
        ELSE
            RAISE WARNING 'tenancy: a superuser has to revoke EXECUTE on % from PUBLIC', one;
        END IF;
    END LOOP;
END
$tenancy$;

-- what stands already
CREATE OR REPLACE FUNCTION pg_temp.tenancy_words(condition text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $function$
    SELECT lower(regexp_replace(replace($1, '::text', ''), ' AS current_(setting|tenant|external)|[\s()"]', '', 'g'))
        || array_to_string(array(SELECT literal[1] FROM regexp_matches($1, '''[^'']*''', 'g') literal), ',')
$function$;
CREATE OR REPLACE FUNCTION pg_temp.tenancy_stands(
    declared regclass, policy_of_rows text, policy_of_floor text, condition text
) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
    SELECT pg_get_userbyid(c.relowner) = 'shop_owner' AND ($4 IS NULL OR (
        c.relrowsecurity AND c.relforcerowsecurity AND (
            SELECT count(*) = 2 AND bool_and(
                p.polname = CASE WHEN p.polpermissive THEN $2 ELSE $3 END
                AND p.polcmd = '*' AND p.polroles = ARRAY['shop_app'::regrole::oid]
                AND pg_temp.tenancy_words(pg_get_expr(p.polqual, c.oid)) = pg_temp.tenancy_words($4)
                AND pg_temp.tenancy_words(pg_get_expr(p.polwithcheck, c.oid)) = pg_temp.tenancy_words($4)
            ) IS TRUE
            FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname ~ '^tenancy_(rows|floor)_[0-9a-f]{12}$'
        )
    ))
    FROM pg_class c WHERE c.oid = $1
$function$;

-- locks of the tables that change
DO $tenancy$
DECLARE
    changing text;
    again int := 20;
BEGIN
    WITH RECURSIVE declared (oid, partitions, guarded, policy_of_rows, policy_of_floor, condition) AS (
        VALUES
            ('"public"."product"'::regclass, 0, true, 'tenancy_rows_1a24590d50a0', 'tenancy_floor_9cda45361a55', $condition$"tenant_id" = nullif((SELECT current_setting('app.tenant_id', true)), '')::bigint$condition$),
            ('"files"."file"'::regclass, 1, true, 'tenancy_rows_f1fc3b334b6a', 'tenancy_floor_61cfdd535f98', $condition$"account" = (SELECT tenancy.current_external())$condition$),
            ('"public"."currency"'::regclass, 0, false, NULL, NULL, NULL),
            ('"public"."journal"'::regclass, 0, false, NULL, NULL, NULL)
    ), below (oid, guarded) AS (
        SELECT i.inhrelid, guarded FROM declared JOIN pg_inherits i ON i.inhparent = declared.oid
        UNION SELECT i.inhrelid, guarded FROM below JOIN pg_inherits i ON i.inhparent = below.oid
    ), stale (oid) AS (
        SELECT oid::oid FROM declared
        WHERE NOT pg_temp.tenancy_stands(oid, policy_of_rows, policy_of_floor, condition)
            OR (SELECT count(*) FROM pg_inherits i WHERE i.inhparent = declared.oid) < partitions
        UNION SELECT c.oid FROM below JOIN pg_class c ON c.oid = below.oid
        WHERE c.relkind IN ('r', 'p') AND c.oid NOT IN (SELECT oid FROM declared)
            AND (pg_get_userbyid(c.relowner) <> 'shop_owner'
                OR (guarded AND NOT (c.relrowsecurity AND c.relforcerowsecurity)))
    )
    SELECT string_agg(oid::regclass::text, ', ' ORDER BY oid) INTO changing FROM stale;
    IF changing IS NULL THEN
        RETURN;
    END IF;
    LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '500ms', true);
            EXECUTE 'LOCK TABLE ' || changing || ' IN ACCESS EXCLUSIVE MODE';
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            again := again - 1;
            IF again = 0 THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(0.5);
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', '10s', true);
END
$tenancy$;

-- rows of public.product
DO $tenancy$
DECLARE
    ours text;
BEGIN
    IF pg_temp.tenancy_stands('"public"."product"', 'tenancy_rows_1a24590d50a0', 'tenancy_floor_9cda45361a55', $condition$"tenant_id" = nullif((SELECT current_setting('app.tenant_id', true)), '')::bigint$condition$) THEN
        RETURN;
    END IF;
    ALTER TABLE "public"."product" OWNER TO "shop_owner";
    ALTER TABLE "public"."product" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    FOR ours IN
        SELECT polname FROM pg_catalog.pg_policy
        WHERE polrelid = '"public"."product"'::regclass AND polname ~ '^tenancy_(rows|floor)_[0-9a-f]{12}$'
    LOOP
        EXECUTE format('DROP POLICY %I ON "public"."product"', ours);
    END LOOP;
    CREATE POLICY tenancy_rows_1a24590d50a0 ON "public"."product"
    AS PERMISSIVE FOR ALL TO "shop_app"
    USING ("tenant_id" = nullif((SELECT current_setting('app.tenant_id', true)), '')::bigint)
    WITH CHECK ("tenant_id" = nullif((SELECT current_setting('app.tenant_id', true)), '')::bigint);
    CREATE POLICY tenancy_floor_9cda45361a55 ON "public"."product"
    AS RESTRICTIVE FOR ALL TO "shop_app"
    USING ("tenant_id" = nullif((SELECT current_setting('app.tenant_id', true)), '')::bigint)
    WITH CHECK ("tenant_id" = nullif((SELECT current_setting('app.tenant_id', true)), '')::bigint);
END
$tenancy$;

-- rows of files.file
DO $tenancy$
DECLARE
    ours text;
BEGIN
    IF pg_temp.tenancy_stands('"files"."file"', 'tenancy_rows_f1fc3b334b6a', 'tenancy_floor_61cfdd535f98', $condition$"account" = (SELECT tenancy.current_external())$condition$) THEN
        RETURN;
    END IF;
    ALTER TABLE "files"."file" OWNER TO "shop_owner";
    ALTER TABLE "files"."file" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    FOR ours IN
        SELECT polname FROM pg_catalog.pg_policy
        WHERE polrelid = '"files"."file"'::regclass AND polname ~ '^tenancy_(rows|floor)_[0-9a-f]{12}$'
    LOOP
        EXECUTE format('DROP POLICY %I ON "files"."file"', ours);
    END LOOP;
    CREATE POLICY tenancy_rows_f1fc3b334b6a ON "files"."file"
    AS PERMISSIVE FOR ALL TO "shop_app"
    USING ("account" = (SELECT tenancy.current_external()))
    WITH CHECK ("account" = (SELECT tenancy.current_external()));
    CREATE POLICY tenancy_floor_61cfdd535f98 ON "files"."file"
    AS RESTRICTIVE FOR ALL TO "shop_app"
    USING ("account" = (SELECT tenancy.current_external()))
    WITH CHECK ("account" = (SELECT tenancy.current_external()));
END
$tenancy$;

-- rows of public.currency
DO $tenancy$
DECLARE
    ours text;
BEGIN
    IF pg_temp.tenancy_stands('"public"."currency"', NULL, NULL, NULL) THEN
        RETURN;
    END IF;
    ALTER TABLE "public"."currency" OWNER TO "shop_owner";
END
$tenancy$;

-- rows of public.journal
DO $tenancy$
DECLARE
    ours text;
BEGIN
    IF pg_temp.tenancy_stands('"public"."journal"', NULL, NULL, NULL) THEN
        RETURN;
    END IF;
    ALTER TABLE "public"."journal" OWNER TO "shop_owner";
END
$tenancy$;

-- grants on public.product
REVOKE ALL ON "public"."product" FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";
GRANT SELECT, INSERT, UPDATE, DELETE ON "public"."product" TO "shop_app", "shop_mover";

-- grants on files.file
REVOKE ALL ON "files"."file" FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";
GRANT SELECT, INSERT, UPDATE, DELETE ON "files"."file" TO "shop_app", "shop_mover";

-- grants on public.currency
REVOKE ALL ON "public"."currency" FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";
GRANT SELECT ON "public"."currency" TO "shop_app", "shop_mover";

-- grants on public.journal
REVOKE ALL ON "public"."journal" FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search";
GRANT SELECT, INSERT, UPDATE, DELETE ON "public"."journal" TO "shop_mover";

-- partition 0 of files.file
CREATE TABLE IF NOT EXISTS "files"."file_p0" PARTITION OF "files"."file"
    FOR VALUES WITH (MODULUS 1, REMAINDER 0);
DO $tenancy$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
        WHERE c.oid = '"files"."file_p0"'::regclass AND i.inhparent = '"files"."file"'::regclass
            AND pg_get_expr(c.relpartbound, c.oid)
                = 'FOR VALUES WITH (modulus 1, remainder 0)'
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'TN021',
            MESSAGE = 'a relation files.file_p0 that is not partition 0 of files.file';
    END IF;
END
$tenancy$;

-- what is below the tables
DO $tenancy$
DECLARE
    below record;
BEGIN
    FOR below IN
        WITH RECURSIVE declared (oid, guarded) AS (
            VALUES
            ('"public"."product"'::regclass, true),
            ('"files"."file"'::regclass, true),
            ('"public"."currency"'::regclass, false),
            ('"public"."journal"'::regclass, false)
        ), under (oid, guarded) AS (
            SELECT i.inhrelid, guarded FROM declared JOIN pg_inherits i ON i.inhparent = declared.oid
            UNION SELECT i.inhrelid, guarded FROM under JOIN pg_inherits i ON i.inhparent = under.oid
        )
        SELECT c.oid::regclass AS name, pg_get_userbyid(c.relowner) <> 'shop_owner' AS strange,
            bool_or(guarded) AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity) AS open
        FROM under JOIN pg_class c ON c.oid = under.oid
        WHERE c.oid NOT IN (SELECT oid FROM declared)
        GROUP BY c.oid, c.relowner, c.relkind, c.relrowsecurity, c.relforcerowsecurity
    LOOP
        IF below.strange THEN
            EXECUTE format('ALTER TABLE %s OWNER TO "shop_owner"', below.name);
        END IF;
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, "shop_app", "shop_mover", "shop_auditor", "shop_search"', below.name);
        IF below.open THEN
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', below.name);
        END IF;
    END LOOP;
END
$tenancy$;

-- no searches of earlier manifests
DO $tenancy$
DECLARE
    old regprocedure;
BEGIN
    FOR old IN
        SELECT p.oid FROM pg_catalog.pg_proc p
        JOIN pg_catalog.pg_roles r ON r.oid = p.proowner AND r.rolname = 'shop_search'
        WHERE p.pronamespace = 'tenancy'::regnamespace
    LOOP
        EXECUTE format('DROP FUNCTION %s', old);
    END LOOP;
END
$tenancy$;

-- search text
CREATE FUNCTION tenancy.search_text(tenancy_tenant bigint, tenancy_query text)
RETURNS TABLE ("id" "public"."product"."id"%TYPE)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER ROWS 100
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $function$
#variable_conflict use_column
BEGIN
    IF (tenancy.current_tenant() = $1) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'TN005',
            MESSAGE = 'tenancy: a search is of the transaction''s own tenant';
    END IF;
    RETURN QUERY
        WITH found AS MATERIALIZED (
            SELECT t."id", -ts_rank(t."document", websearch_to_tsquery('simple', $2)) AS tenancy_order
            FROM "public"."product" t
            WHERE t."tenant_id" = $1 AND t."document" @@ websearch_to_tsquery('simple', $2)
        )
        SELECT found."id" FROM found ORDER BY found.tenancy_order, found."id" LIMIT 100;
END
$function$;
GRANT SELECT ON "public"."product" TO "shop_search";
GRANT CREATE ON SCHEMA tenancy TO "shop_search";
ALTER FUNCTION tenancy.search_text(bigint, text) OWNER TO "shop_search";
REVOKE CREATE ON SCHEMA tenancy FROM "shop_search";
REVOKE ALL ON FUNCTION tenancy.search_text(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.search_text(bigint, text) TO "shop_app";

-- search file
CREATE FUNCTION tenancy.search_file(tenancy_tenant bigint, tenancy_query text)
RETURNS TABLE ("id" "files"."file"."id"%TYPE)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER ROWS 100
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $function$
#variable_conflict use_column
BEGIN
    IF (tenancy.current_tenant() = $1) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'TN005',
            MESSAGE = 'tenancy: a search is of the transaction''s own tenant';
    END IF;
    RETURN QUERY
        WITH found AS MATERIALIZED (
            SELECT t."id", t."name" AS tenancy_order
            FROM "files"."file" t
            WHERE t."account" = (SELECT tenancy.current_external()) AND t."name" LIKE replace(replace(replace($2, '\', '\\'), '%', '\%'), '_', '\_') || '%'
        )
        SELECT found."id" FROM found ORDER BY found.tenancy_order, found."id" LIMIT 100;
END
$function$;
GRANT SELECT ON "files"."file" TO "shop_search";
GRANT CREATE ON SCHEMA tenancy TO "shop_search";
ALTER FUNCTION tenancy.search_file(bigint, text) OWNER TO "shop_search";
REVOKE CREATE ON SCHEMA tenancy FROM "shop_search";
REVOKE ALL ON FUNCTION tenancy.search_file(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.search_file(bigint, text) TO "shop_app";

-- nothing is left of the questions
DROP FUNCTION pg_temp.tenancy_stands(regclass, text, text, text);
DROP FUNCTION pg_temp.tenancy_words(text);

-- net for tables made by hand
DROP EVENT TRIGGER IF EXISTS tenancy_net;
DROP FUNCTION IF EXISTS tenancy.net();
CREATE FUNCTION tenancy.net() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    made regclass;
    has_rows boolean;
BEGIN
    FOR made, has_rows IN
        -- What is said to a table is done to the tables below it.
        WITH RECURSIVE touched AS (
            SELECT d.objid AS oid FROM pg_event_trigger_ddl_commands() d WHERE d.classid = 'pg_class'::regclass
            UNION SELECT i.inhrelid FROM touched JOIN pg_inherits i ON i.inhparent = touched.oid
        )
        SELECT DISTINCT c.oid, c.relkind IN ('r', 'p') FROM touched
        JOIN pg_class c ON c.oid = touched.oid
        JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p', 'f', 'm') AND c.relpersistence <> 't'
            AND c.relnamespace <> 'tenancy'::regnamespace
            AND a.attname IN ('account', 'tenant_id')
            AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
            AND NOT EXISTS (
                SELECT FROM pg_policy p
                WHERE p.polrelid = c.oid AND p.polname ~ '^tenancy_floor_'
            )
    LOOP
        IF has_rows THEN
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', made);
        ELSE
            EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, "shop_app"', made);
        END IF;
        RAISE WARNING 'tenancy: table % is closed until the manifest declares it', made;
    END LOOP;
END
$function$;
REVOKE ALL ON FUNCTION tenancy.net() FROM PUBLIC;
CREATE EVENT TRIGGER tenancy_net ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'CREATE SCHEMA',
        'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'IMPORT FOREIGN SCHEMA', 'CREATE MATERIALIZED VIEW')
    EXECUTE FUNCTION tenancy.net();

-- version
INSERT INTO tenancy.format AS f (part, version)
    VALUES ('fence', 2), ('isolation', 2)
    ON CONFLICT (part) DO UPDATE SET version = excluded.version
        WHERE f.version IS DISTINCT FROM excluded.version;

COMMIT;
