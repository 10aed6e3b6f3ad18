use std::{future::Future, panic::Location};

use sqlx::PgConnection;

/// Every role that the connection has or may take on, by `SET ROLE` or by going back to whom it logged in as,
/// and why row security would not bind it. An owner may take its tables' row security away, so `FORCE` is not
/// enough.
const UNBOUND: &str = "
    select r.rolname::text || case
        when r.rolsuper then ', a superuser'
        when r.rolbypassrls then ', which has BYPASSRLS'
        else ', the owner of ' || t.relname || ', who may take its row security away' end
    from pg_roles r
    left join pg_class t on t.relowner = r.oid and t.relrowsecurity
    left join pg_stat_activity login on login.pid = pg_backend_pid()
    where (r.rolsuper or r.rolbypassrls or t.oid is not null)
      and (pg_has_role(current_user, r.oid, 'member') or pg_has_role(session_user, r.oid, 'member')
        or pg_has_role(login.usesysid, r.oid, 'member'))
    order by r.oid <> login.usesysid, r.rolname
    limit 1";

/// Whether there is anything that row security could keep from the connection.
const HAS_SUBJECT: &str = "
    select exists (select from pg_class
        where relrowsecurity and relkind in ('r', 'p') and has_any_column_privilege(oid, 'select'))";

/// Asserts that row security binds a connection: for tests of code that opens connections of its own, such
/// as the one that `#[sqlx::test]` gives, which belongs to a superuser.
///
/// # Panics
/// When the connection's role, or one that it could become, is a superuser, has `BYPASSRLS`, or owns a table
/// with row security, which it may take away; when it may read no table that has row security, so that there
/// is nothing to be bound to; or when the database cannot be asked.
///
/// # Cancel safety
/// It changes nothing.
#[track_caller]
pub fn assert_bound(connection: &mut PgConnection) -> impl Future<Output = ()> + Send {
    let caller = Location::caller();
    async move {
        let unbound: Option<String> = sqlx::query_scalar(UNBOUND)
            .fetch_optional(&mut *connection)
            .await
            .unwrap_or_else(|error| panic!("{caller}: ask for the connection's roles: {error}"));
        if let Some(role) = unbound {
            panic!(
                "{caller}: row security does not bind this connection: it is, or can become, {role}"
            );
        }
        let has_subject: bool = sqlx::query_scalar(HAS_SUBJECT)
            .fetch_one(connection)
            .await
            .unwrap_or_else(|error| panic!("{caller}: ask for tables: {error}"));
        assert!(
            has_subject,
            "{caller}: this proves nothing: the connection may read no table that has row security"
        );
    }
}
