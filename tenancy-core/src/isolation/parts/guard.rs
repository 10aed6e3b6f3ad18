//! The functions through which a transaction enters and leaves, and that say whose it is.

use crate::isolation::{
    Isolation, IsolationMode, Statement,
    sqlstate::{NOT_OURS, NOT_READ_ONLY, SEAL_EXPIRED, SEAL_INVALID, SEAL_REPLAYED},
};

/// The high half of the numbers of writers' locks: `TNCY`. The low half is the tenant.
const WRITERS: u32 = 0x544e_4359;

pub(super) fn statements(isolation: &Isolation) -> Vec<Statement> {
    let mode = isolation.mode();
    [
        ("current_tenant()", current_tenant(mode)),
        ("current_external()", CURRENT_EXTERNAL.to_owned()),
        (
            "enter(bigint, bigint, boolean, bigint, bigint, text)",
            enter(mode),
        ),
        ("leave(bigint)", leave()),
    ]
    .into_iter()
    .map(|(signature, sql)| {
        let sql = format!("{sql}\n{}", rights(isolation, signature));
        Statement::new(format!("function tenancy.{signature}"), sql)
    })
    .collect()
}

fn rights(isolation: &Isolation, signature: &str) -> String {
    let roles = isolation.roles();
    let (owner, app, mover) = (roles.owner(), roles.app(), roles.mover());
    let (auditor, search) = (roles.auditor(), roles.search());
    let others = if signature.starts_with("current_") {
        format!(", \"{search}\"")
    } else {
        String::new()
    };
    format!(
        "ALTER FUNCTION tenancy.{signature} OWNER TO \"{owner}\";
REVOKE ALL ON FUNCTION tenancy.{signature} FROM PUBLIC, \"{app}\", \"{mover}\", \"{auditor}\", \"{search}\";
GRANT EXECUTE ON FUNCTION tenancy.{signature} TO \"{app}\", \"{mover}\"{others};"
    )
}

/// `own` is the tenant's number. Bound to the backend and to the moment at which the transaction began: the
/// setting is worth nothing in any other transaction. Its key is in the variables `own_inner` and `own_outer`.
fn transaction_mac(own: &str) -> String {
    let text = format!(
        "'tx:' || {own} || ':' || pg_backend_pid() || ':' || extract(epoch FROM transaction_timestamp())"
    );
    mac(&text, "own_inner", "own_outer")
}

/// What the guard sets for a tenant, which is SQL, as a query of one row: for whoever may read the key of
/// transactions, and so needs no seal.
pub(in crate::isolation) fn setting(mode: IsolationMode, tenant: &str) -> String {
    match mode {
        IsolationMode::Plain => format!("SELECT {tenant}::text"),
        IsolationMode::Sealed => format!(
            "SELECT {tenant} || '.' || {} FROM (
                SELECT inner_pad AS own_inner, outer_pad AS own_outer FROM tenancy.transaction_key
            ) own",
            transaction_mac(tenant)
        ),
    }
}

/// HMAC-SHA256 (RFC 2104) of a text, with the pads in these variables, as lower-case hex.
fn mac(text: &str, inner: &str, outer: &str) -> String {
    format!(
        "encode(sha256({outer} || sha256({inner} || convert_to(
        {text}, 'UTF8'))), 'hex')"
    )
}

fn current_tenant(mode: IsolationMode) -> String {
    match mode {
        // A body in standard form is read once, here: no search path of a caller can change it.
        IsolationMode::Plain => "CREATE OR REPLACE FUNCTION tenancy.current_tenant() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(pg_catalog.current_setting('app.tenant_id', true), '')::bigint;"
            .to_owned(),
        IsolationMode::Sealed => format!(
            "CREATE OR REPLACE FUNCTION tenancy.current_tenant() RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    setting text := current_setting('app.tenant_id', true);
    own text := split_part(setting, '.', 1);
    own_inner bytea;
    own_outer bytea;
BEGIN
    IF coalesce(setting, '') = '' THEN
        RETURN NULL;
    END IF;
    SELECT k.inner_pad, k.outer_pad INTO STRICT own_inner, own_outer FROM tenancy.transaction_key k;
    IF (setting = own || '.' || {mac}) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = '{SEAL_INVALID}',
            MESSAGE = 'tenancy: the setting of the tenant is not this transaction''s';
    END IF;
    RETURN own::bigint;
END
$function$;",
            mac = transaction_mac("own")
        ),
    }
}

/// The application cannot read the fences, hence by the owner's right.
const CURRENT_EXTERNAL: &str = "CREATE OR REPLACE FUNCTION tenancy.current_external() RETURNS uuid
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT f.external FROM tenancy.fence f WHERE f.tenant_id = tenancy.current_tenant();
$function$;";

/// The lock is tried, and the fence read, in two statements of a `VOLATILE` function: the second one's
/// snapshot is not older than the lock. Where the transaction has one snapshot for all, the row is locked,
/// which fails when it has changed since. The tenant is set only for who has come in.
///
/// Each expression costs microseconds in every transaction, so there are few.
fn enter(mode: IsolationMode) -> String {
    let lock = u64::from(WRITERS);
    let (declarations, check, setting) = match mode {
        IsolationMode::Plain => ("", String::new(), "tenant::text".to_owned()),
        IsolationMode::Sealed => (
            SEAL_PARTS,
            check_seal(),
            format!("tenant || '.' || {}", transaction_mac("tenant")),
        ),
    };
    format!(
        "CREATE OR REPLACE FUNCTION tenancy.enter(
    tenant bigint, at_epoch bigint, writes boolean, statement_ms bigint, lock_ms bigint, seal text
) RETURNS TABLE (entered boolean, state text, lifecycle text, epoch bigint, deadline bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    settings text;
{declarations}BEGIN
{check}    IF writes THEN
        entered := pg_try_advisory_xact_lock_shared(({lock}::bigint << 32) | tenant);
    ELSIF current_setting('transaction_read_only') = 'on' THEN
        entered := true;
    ELSE
        RAISE EXCEPTION USING ERRCODE = '{NOT_READ_ONLY}',
            MESSAGE = 'tenancy: a transaction that enters for reading must be read only';
    END IF;
    IF writes AND entered AND current_setting('transaction_isolation') <> 'read committed' THEN
        SELECT f.state, f.lifecycle, f.epoch, f.deadline INTO state, lifecycle, epoch, deadline
            FROM tenancy.fence f WHERE f.tenant_id = tenant FOR SHARE;
    ELSE
        SELECT f.state, f.lifecycle, f.epoch, f.deadline INTO state, lifecycle, epoch, deadline
            FROM tenancy.fence f WHERE f.tenant_id = tenant;
    END IF;
    IF FOUND THEN
        settings := set_config('app.tenant_id', CASE WHEN entered THEN {setting} END, true)
            || set_config('statement_timeout', greatest(statement_ms, 1)::text, true)
            || set_config('lock_timeout', greatest(lock_ms, 1)::text, true);
        RETURN NEXT;
    END IF;
END
$function$;"
    )
}

const SEAL_PARTS: &str = "    key_id text := split_part(seal, ':', 2);
    expires text := split_part(seal, ':', 6);
    claim text := concat_ws(':', 'v1', key_id, tenant, at_epoch,
        CASE WHEN writes THEN 'w' ELSE 'r' END, expires);
    seal_inner bytea;
    seal_outer bytea;
    own_inner bytea;
    own_outer bytea;
";

/// The seal is compared with the one that this very entry would have. Hashes are compared instead of texts,
/// so that the time it takes tells nothing of the right one.
fn check_seal() -> String {
    format!(
        "    IF statement_timestamp() <> transaction_timestamp() THEN
        RAISE EXCEPTION USING ERRCODE = '{SEAL_REPLAYED}',
            MESSAGE = 'tenancy: a seal is taken only by the message that begins the transaction';
    END IF;
    SELECT s.inner_pad, s.outer_pad, t.inner_pad, t.outer_pad
        INTO seal_inner, seal_outer, own_inner, own_outer
        FROM tenancy.seal_key s CROSS JOIN tenancy.transaction_key t
        WHERE s.id = key_id AND (s.not_after IS NULL OR s.not_after > clock_timestamp());
    IF NOT FOUND OR (sha256(convert_to(seal, 'UTF8')) = sha256(convert_to(claim || ':' || {mac}, 'UTF8'))) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = '{SEAL_INVALID}', MESSAGE = 'tenancy: the seal is not valid';
    END IF;
    IF to_timestamp(expires::bigint) <= clock_timestamp() THEN
        RAISE EXCEPTION USING ERRCODE = '{SEAL_EXPIRED}', MESSAGE = 'tenancy: the seal has expired';
    END IF;
",
        mac = mac("claim", "seal_inner", "seal_outer")
    )
}

fn leave() -> String {
    format!(
        "CREATE OR REPLACE FUNCTION tenancy.leave(tenant bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    IF (tenancy.current_tenant() = tenant) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = '{NOT_OURS}',
            MESSAGE = 'tenancy: the transaction is not this tenant''s';
    END IF;
END
$function$;"
    )
}
