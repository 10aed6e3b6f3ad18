//! Whom connections are for, and what the server is to do about clients that do nothing, or are gone.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::messages::milliseconds;
use crate::db::CellOptions;

/// How long nothing may go on in a transaction that tenants do not wait in. Its locks would keep the tenant
/// fenced, or its fence from changing, when its client is out of reach.
const PLATFORM_IDLE: Duration = Duration::from_secs(60);

/// Behind the age at which a tenant's transaction is ended by its own client.
const GRACE: Duration = Duration::from_secs(1);

/// A client that is out of reach is given up after a minute, not after the hours that the network takes: as long
/// as its transactions are open, they keep their locks.
const KEEP_ALIVE: [(&str, &str); 3] = [
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
];

/// A statement whose client has hung up runs on until the server looks: it holds its locks, and a connection
/// more than there should be. So it looks twice in the second that a change of a fence waits longer than a
/// write transaction may be open. A pooler may leave this out; then it is the pooler that hangs up.
pub(super) const LOOK_AFTER_CLIENT: Duration = Duration::from_millis(500);

/// Whom a door is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clients {
    /// A connection that has died is noticed by its user, who is told so by the guard's silence.
    Tenants,
    /// A connection is asked whether it lives before it is used, which costs a round trip.
    Platform,
    /// As the tenants, and the server is a replica.
    TenantsOfReplica,
}

/// What the server is to do about clients that do nothing, or are gone, unless the address says otherwise.
pub(super) fn with_limits(
    connect: PgConnectOptions,
    clients: Clients,
    options: CellOptions,
) -> PgConnectOptions {
    let idle = match clients {
        Clients::Platform => PLATFORM_IDLE,
        Clients::Tenants | Clients::TenantsOfReplica => {
            let age = options.max_read_age.max(options.max_write_age);
            age.saturating_add(GRACE)
        }
    };
    let said = connect.get_options().unwrap_or_default().to_owned();
    let limits = [
        ("idle_in_transaction_session_timeout", idle),
        ("client_connection_check_interval", LOOK_AFTER_CLIENT),
    ];
    let limits = limits.map(|(name, limit)| (name, milliseconds(limit).to_string()));
    let keep_alive = KEEP_ALIVE.map(|(name, value)| (name, value.to_owned()));
    let all = limits.into_iter().chain(keep_alive);
    connect.options(all.filter(|(name, _)| !said.contains(name)))
}
