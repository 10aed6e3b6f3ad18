//! The functions through which a transaction enters and leaves, and that say whose it is.
//!
//! They run in every transaction, and a search path of their own would cost each call what a policy costs. So
//! they have none, and name each object with its schema instead, operators and types too: whatever the caller
//! has in its search path, they mean the same. `IN`, `BETWEEN`, `IS DISTINCT FROM` and `nullif` look an operator
//! up by its bare name, and are not used here.

use crate::isolation::{
    Isolation, IsolationMode, Statement,
    sqlstate::{NOT_OURS, NOT_READ_ONLY, SEAL_EXPIRED, SEAL_INVALID, SEAL_REPLAYED},
};

/// The high half of the numbers of writers' locks: `TNCY`. The low half is the tenant.
const WRITERS: u32 = 0x544e_4359;

pub(super) fn statements(isolation: &Isolation) -> Vec<Statement> {
    let mode = isolation.mode();
    let functions = [
        ("current_tenant()", current_tenant(mode)),
        ("current_external()", CURRENT_EXTERNAL.to_owned()),
        ("enter(bigint, bigint, boolean, bigint, text)", enter(mode)),
        ("leave(bigint)", leave(mode)),
    ]
    .map(|(signature, sql)| {
        let sql = format!("{sql}\n{}", rights(isolation, signature));
        Statement::new(format!("function tenancy.{signature}"), sql)
    });
    let mut statements = vec![Statement::new("no guard of version 1", FIRST_GUARD)];
    statements.extend(functions);
    statements
}

/// It had one argument more.
const FIRST_GUARD: &str =
    "DROP FUNCTION IF EXISTS tenancy.enter(bigint, bigint, boolean, bigint, bigint, text);";

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

/// `own` is the tenant's number, as text. Bound to the backend and to the moment at which the transaction began:
/// the setting is worth nothing in any other transaction. Both are of a fixed length, so that nothing of the
/// text can be taken for them. Its key is in the variables `own_inner` and `own_outer`.
fn transaction_mac(own: &str) -> String {
    let bytes = format!(
        "pg_catalog.int4send(pg_catalog.pg_backend_pid())
        OPERATOR(pg_catalog.||) pg_catalog.timestamptz_send(pg_catalog.transaction_timestamp())
        OPERATOR(pg_catalog.||) pg_catalog.convert_to({own}, 'UTF8')"
    );
    mac(&bytes, "own_inner", "own_outer")
}

/// What the guard sets for a tenant, which is SQL, as a query of one row: for whoever may read the key of
/// transactions, and so needs no seal.
pub(in crate::isolation) fn setting(mode: IsolationMode, tenant: &str) -> String {
    match mode {
        IsolationMode::Plain => format!("SELECT {tenant}::text"),
        IsolationMode::Sealed => format!(
            "SELECT {tenant}::text || '.' || {} FROM (
                SELECT inner_pad AS own_inner, outer_pad AS own_outer FROM tenancy.transaction_key
            ) own",
            transaction_mac(&format!("{tenant}::text"))
        ),
    }
}

/// HMAC-SHA256 (RFC 2104) of bytes, with the pads in these variables, as lower-case hex.
fn mac(bytes: &str, inner: &str, outer: &str) -> String {
    format!(
        "pg_catalog.encode(pg_catalog.sha256({outer} OPERATOR(pg_catalog.||) pg_catalog.sha256({inner}
        OPERATOR(pg_catalog.||) {bytes})), 'hex')"
    )
}

fn current_tenant(mode: IsolationMode) -> String {
    match mode {
        // A body in standard form is read once, here: no search path of a caller can change it.
        IsolationMode::Plain => "CREATE OR REPLACE FUNCTION tenancy.current_tenant() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(pg_catalog.current_setting('app.tenant_id', true), '')::bigint;"
            .to_owned(),
        // Each expression costs about as much as a hash, in every statement on a tenant's table. So the right
        // setting is found in one, and what else it may be only when it is not that.
        IsolationMode::Sealed => format!(
            "CREATE OR REPLACE FUNCTION tenancy.current_tenant() RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
AS $function$
DECLARE
    setting pg_catalog.text := pg_catalog.current_setting('app.tenant_id', true);
    own pg_catalog.text := pg_catalog.split_part(setting, '.', 1);
    is_ours boolean;
BEGIN
    SELECT setting OPERATOR(pg_catalog.=) (own OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) {mac})
        INTO STRICT is_ours
        FROM (SELECT k.inner_pad AS own_inner, k.outer_pad AS own_outer FROM tenancy.transaction_key k) k;
    IF is_ours THEN
        RETURN own::bigint;
    ELSIF setting OPERATOR(pg_catalog.<>) '' THEN
        RAISE EXCEPTION USING ERRCODE = '{SEAL_INVALID}',
            MESSAGE = 'tenancy: the setting of the tenant is not this transaction''s';
    END IF;
    RETURN NULL;
END
$function$;",
            mac = transaction_mac("own")
        ),
    }
}

/// The application cannot read the fences, hence by the owner's right. In a language whose plans are kept: a
/// function of SQL is planned anew by each statement.
const CURRENT_EXTERNAL: &str = "CREATE OR REPLACE FUNCTION tenancy.current_external() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
AS $function$
BEGIN
    RETURN (
        SELECT f.external FROM tenancy.fence f
        WHERE f.tenant_id OPERATOR(pg_catalog.=) (SELECT tenancy.current_tenant())
    );
END
$function$;";

/// The lock is tried, and the fence read, in two statements of a `VOLATILE` function: the second one's
/// snapshot is not older than the lock. Where the transaction has one snapshot for all, the row is locked,
/// which fails when it has changed since. The tenant is set only for who has come in.
///
/// The answer is one text, since a row would cost as much again: whether it entered (`t` or `f`), the fence's
/// state, lifecycle, epoch and deadline, and the two settings. It is null when the cell has no fence.
fn enter(mode: IsolationMode) -> String {
    let lock = u64::from(WRITERS) << 32;
    let (declarations, check, setting) = match mode {
        IsolationMode::Plain => ("", String::new(), "tenant::pg_catalog.text"),
        IsolationMode::Sealed => (SEAL_PARTS, check_seal(), "setting"),
    };
    let read = format!(
        "SELECT pg_catalog.concat_ws(' ', entered, f.state, f.lifecycle, f.epoch, f.deadline,
                pg_catalog.set_config('app.tenant_id', CASE WHEN entered THEN {setting} END, true),
                pg_catalog.set_config('statement_timeout', greatest(statement_ms, 1)::pg_catalog.text, true))
            INTO answer FROM tenancy.fence f WHERE f.tenant_id OPERATOR(pg_catalog.=) tenant"
    );
    format!(
        "CREATE OR REPLACE FUNCTION tenancy.enter(
    tenant bigint, at_epoch bigint, writes boolean, statement_ms bigint, seal text
) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
AS $function$
DECLARE
    entered boolean := true;
    answer pg_catalog.text;
{declarations}BEGIN
{check}    IF writes THEN
        entered := pg_catalog.pg_try_advisory_xact_lock_shared({lock} OPERATOR(pg_catalog.|) tenant);
    ELSIF pg_catalog.current_setting('transaction_read_only') OPERATOR(pg_catalog.<>) 'on' THEN
        RAISE EXCEPTION USING ERRCODE = '{NOT_READ_ONLY}',
            MESSAGE = 'tenancy: a transaction that enters for reading must be read only';
    END IF;
    IF writes AND entered
        AND pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) 'read committed'
    THEN
        {read}
            FOR SHARE;
    ELSE
        {read};
    END IF;
    RETURN answer;
END
$function$;"
    )
}

const SEAL_PARTS: &str = "    key_id pg_catalog.text := pg_catalog.split_part(seal, ':', 2);
    expires pg_catalog.text := pg_catalog.split_part(seal, ':', 6);
    claim pg_catalog.text := pg_catalog.concat_ws(':', 'v1', key_id, tenant, at_epoch,
        CASE WHEN writes THEN 'w' ELSE 'r' END, expires);
    is_valid boolean;
    setting pg_catalog.text;
";

/// The seal is compared with the one that this very entry would have. Hashes are compared instead of texts,
/// so that the time it takes tells nothing of the right one.
fn check_seal() -> String {
    let claim = "pg_catalog.convert_to(claim, 'UTF8')";
    format!(
        "    IF pg_catalog.statement_timestamp() OPERATOR(pg_catalog.<>) pg_catalog.transaction_timestamp() THEN
        RAISE EXCEPTION USING ERRCODE = '{SEAL_REPLAYED}',
            MESSAGE = 'tenancy: a seal is taken only by the message that begins the transaction';
    END IF;
    SELECT pg_catalog.sha256(pg_catalog.convert_to(seal, 'UTF8')) OPERATOR(pg_catalog.=)
            pg_catalog.sha256(pg_catalog.convert_to(claim OPERATOR(pg_catalog.||) ':' OPERATOR(pg_catalog.||) {seal}, 'UTF8')),
            tenant::pg_catalog.text OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) {own}
        INTO is_valid, setting
        FROM (
            SELECT s.inner_pad AS seal_inner, s.outer_pad AS seal_outer,
                t.inner_pad AS own_inner, t.outer_pad AS own_outer
            FROM tenancy.seal_key s CROSS JOIN tenancy.transaction_key t
            WHERE s.id OPERATOR(pg_catalog.=) key_id AND (
                s.not_after IS NULL OR s.not_after OPERATOR(pg_catalog.>) pg_catalog.clock_timestamp())
        ) k;
    IF is_valid IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = '{SEAL_INVALID}', MESSAGE = 'tenancy: the seal is not valid';
    END IF;
    IF pg_catalog.to_timestamp(expires::bigint) OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp() THEN
        RAISE EXCEPTION USING ERRCODE = '{SEAL_EXPIRED}', MESSAGE = 'tenancy: the seal has expired';
    END IF;
",
        seal = mac(claim, "seal_inner", "seal_outer"),
        own = transaction_mac("tenant::pg_catalog.text"),
    )
}

/// Whether the setting is still the one of `enter`: it ends with the transaction. A sealed one is not proven
/// again. Who forges it reaches no row of any tenant with it, so that nothing is kept by leaving so but what
/// could be kept by leaving in order.
fn leave(mode: IsolationMode) -> String {
    let setting = "pg_catalog.current_setting('app.tenant_id', true)";
    let found = match mode {
        IsolationMode::Plain => setting.to_owned(),
        IsolationMode::Sealed => format!("pg_catalog.split_part({setting}, '.', 1)"),
    };
    format!(
        "CREATE OR REPLACE FUNCTION tenancy.leave(tenant bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $function$
BEGIN
    IF ({found} OPERATOR(pg_catalog.=) tenant::pg_catalog.text) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = '{NOT_OURS}',
            MESSAGE = 'tenancy: the transaction is not this tenant''s';
    END IF;
END
$function$;"
    )
}
