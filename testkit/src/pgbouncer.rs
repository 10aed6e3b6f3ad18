//! A private PgBouncer.

use std::ffi::OsStr;
use std::num::NonZeroU32;

use crate::postgres::{Database, Postgres, socket_in};
use crate::server::{Kind, Server};
use crate::server_user::ServerUser;
use crate::workspace::Workspace;
use crate::{Address, Error, program};

/// `$2` is the program, `$3` the folder of Postgres' programs, `$4` that of their libraries or empty, `$5`
/// the folder of the cluster's socket, `$6` the size of the pools.
///
/// Any role of the cluster may enter without a password, by its own name: PgBouncer looks it up with the
/// superuser's help. Parameters of a connection that it cannot keep apart in its pools are left out
/// instead of refusing the client, since sqlx always sends one.
const SCRIPT: &str = r#"
program=$2 programs=$3 libraries=$4 cluster=$5 size=$6 pid=
prepare() {
    echo '"postgres" ""' >"$folder/users" &&
        cat >"$folder/pgbouncer.ini" <<INI
[databases]
* = host=$cluster port=5432
[pgbouncer]
unix_socket_dir = $folder
listen_port = 5432
auth_type = trust
auth_file = $folder/users
auth_user = postgres
pool_mode = transaction
default_pool_size = $size
ignore_startup_parameters = extra_float_digits,options
INI
}
start() {
    "$program" -q "$folder/pgbouncer.ini" &
    pid=$!
    attempts=0
    until LD_LIBRARY_PATH="$libraries" "$programs/pg_isready" -q -h "$folder" -p 5432; do
        kill -0 "$pid" && [ "$attempts" -lt 500 ] || return 1
        attempts=$((attempts + 1))
        sleep 0.02
    done
}
crash() { kill -KILL "$pid" || return 1; wait "$pid"; pid=; }
leave() { :; }
"#;

/// A private PgBouncer in front of a [`Postgres`] cluster, in transaction mode, on a Unix socket: what
/// one client leaves behind in its session, the next one finds.
///
/// It runs until it is dropped or the process ends, however it ends. It serves every database and every
/// role of its cluster, without passwords.
///
/// Clients must not name prepared statements (sqlx: `statement_cache_capacity(0)`), since Debian's
/// PgBouncer 1.18 does not carry them from one connection to the next. The start-up parameters
/// `extra_float_digits` and `options` are ignored.
#[derive(Debug)]
pub struct PgBouncer {
    server: Server,
}

impl PgBouncer {
    /// Starts it with pools of `size` connections, one pool for each database and role. Blocks until it
    /// takes connections.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] without an installed PgBouncer, [`Error::Failed`] with its log when it does not
    /// start, [`Error::ForeignFolder`] and [`Error::Io`] for the folder it lives in.
    pub fn start(cluster: &Postgres, size: NonZeroU32) -> Result<Self, Error> {
        let pgbouncer = program::find_server("pgbouncer").ok_or(Error::Missing {
            what: "PgBouncer",
            how: "apt-get install pgbouncer",
        })?;
        // It refuses to run as root, like Postgres.
        let user = ServerUser::postgres()?;
        let programs = cluster.programs();
        let server = Server::start(
            Kind {
                what: "PgBouncer",
                functions: SCRIPT.to_owned(),
                user,
                holds: None,
            },
            Workspace::open(user)?.unique("pgbouncer"),
            &[
                pgbouncer.as_os_str(),
                programs.folder().as_os_str(),
                programs.libraries(),
                cluster.socket_folder().as_os_str(),
                OsStr::new(&size.to_string()),
            ],
        )?;
        Ok(Self { server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> Address {
        socket_in(self.server.folder())
    }

    /// The way through the pooler to a database of its cluster.
    #[must_use]
    pub fn database(&self, database: &Database) -> Database {
        database.at(self.address())
    }
}
