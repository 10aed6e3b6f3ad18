//! A private Redis.

use std::sync::OnceLock;

use crate::error::with_causes;
use crate::server::{Kind, Order, Server};
use crate::server_user::ServerUser;
use crate::workspace::Workspace;
use crate::{Address, Error, program};

/// The socket's name in the server's folder.
const SOCKET: &str = "redis.sock";

/// `$2` is the server, `$3` its client.
const SCRIPT: &str = r#"
server=$2 client=$3 pid=
prepare() { :; }
start() {
    "$server" --port 0 --unixsocket "$folder/redis.sock" --unixsocketperm 700 \
        --dir "$folder" --save '' --appendonly no --daemonize no &
    pid=$!
    attempts=0
    until [ "$("$client" -s "$folder/redis.sock" ping)" = PONG ]; do
        kill -0 "$pid" && [ "$attempts" -lt 500 ] || return 1
        attempts=$((attempts + 1))
        sleep 0.02
    done
}
crash() { kill -KILL "$pid" || return 1; wait "$pid"; pid=; }
leave() { :; }
"#;

/// A private Redis on a Unix socket that only this user (and root) can reach, without persistence.
///
/// It runs until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Redis {
    server: Server,
}

impl Redis {
    /// Starts a server of one's own. Blocks until it answers, for some tens of milliseconds.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] without an installed Redis, [`Error::Failed`] with its log when it does not
    /// start, [`Error::ForeignFolder`] and [`Error::Io`] for the folder it lives in.
    pub fn start() -> Result<Self, Error> {
        let missing = || Error::Missing {
            what: "Redis",
            how: "apt-get install redis-server",
        };
        let redis = program::find_server("redis-server").ok_or_else(missing)?;
        let client = program::find_server("redis-cli").ok_or_else(missing)?;
        let user = ServerUser::redis()?;
        let server = Server::start(
            Kind {
                what: "Redis",
                functions: SCRIPT.to_owned(),
                user,
                holds: None,
            },
            Workspace::open(user)?.unique("redis"),
            &[redis.as_os_str(), client.as_os_str()],
        )?;
        Ok(Self { server })
    }

    /// The server that all tests of this process share; the first caller starts it. Its keys are shared
    /// too, so a test puts something of its own before each.
    ///
    /// # Panics
    ///
    /// When it does not start, with the reason of [`Redis::start`].
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::start().unwrap_or_else(|error| panic!("{}", with_causes(&error))))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::Unix(self.server.folder().join(SOCKET))
    }

    /// The same as a URL, `redis+unix:///FILE`, for clients that read such.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.address())
    }

    /// Ends it at once. Blocks until nothing is left of it.
    ///
    /// Takes the server by `&mut`, so a shared one cannot be crashed under the other tests.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when it does not run.
    pub fn crash(&mut self) -> Result<(), Error> {
        self.server.order(Order::Crash)
    }

    /// Starts it after a crash: with the socket that it had, and empty.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with its log when it does not start.
    pub fn start_again(&mut self) -> Result<(), Error> {
        self.server.order(Order::Start)
    }
}
