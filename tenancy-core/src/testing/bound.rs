use std::{future::Future, panic::Location};

use sqlx::PgConnection;

/// Every role that the connection has or may take on by `SET ROLE`, and why row security would not bind it.
const UNBOUND: &str = "
    select r.rolname::text || case
        when r.rolsuper then ', a superuser'
        when r.rolbypassrls then ', which has BYPASSRLS'
        else ', the owner of ' || t.relname || ', whose row security is not forced' end
    from pg_roles r
    left join pg_class t on t.relowner = r.oid and t.relrowsecurity and not t.relforcerowsecurity
    where (r.rolsuper or r.rolbypassrls or t.oid is not null)
      and (pg_has_role(current_user, r.oid, 'member') or pg_has_role(session_user, r.oid, 'member'))
    order by r.rolname <> session_user, r.rolname
    limit 1";

/// Asserts that row security binds a connection: for tests of code that opens connections of its own, such
/// as the one that `#[sqlx::test]` gives, which belongs to a superuser.
///
/// # Panics
/// When the connection's role, or one that it could become, is a superuser, has `BYPASSRLS`, or owns a table
/// whose row security is not forced; or when the database cannot be asked.
///
/// # Cancel safety
/// It changes nothing.
#[track_caller]
pub fn assert_bound(connection: &mut PgConnection) -> impl Future<Output = ()> + Send {
    let caller = Location::caller();
    async move {
        let unbound: Option<String> = sqlx::query_scalar(UNBOUND)
            .fetch_optional(connection)
            .await
            .unwrap_or_else(|error| panic!("{caller}: ask for the connection's roles: {error}"));
        if let Some(role) = unbound {
            panic!(
                "{caller}: row security does not bind this connection: it is, or can become, {role}"
            );
        }
    }
}
