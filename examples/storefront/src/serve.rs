//! `storefront serve`: one process that is the whole platform.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tenancy_cell_router::{Server, Stop};
use tenancy_types::CellId;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    config::{CellPlace, Config, Demo},
    demo::{self, DemoError},
    gateway,
    ops::{self, Idempotency, OperatorToken, Ops, Visit},
    platform::{OpenError, Platform, Worker},
    telemetry,
};

/// What `serve` writes into the data folder so that the command line finds it.
pub const OPS_FILE: &str = "ops.json";
/// The file of the operator's token.
pub const TOKEN_FILE: &str = "operator.token";

/// How the operators' listener of a running server is reached: the content of `ops.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct OpsAddress {
    /// Its URL.
    pub url: String,
}

/// Why the platform could not be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An address could not be listened on.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file of the data folder could not be written.
    #[error("write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The demo shops could not be made.
    #[error("make the demo shops")]
    Demo(#[from] Box<DemoError>),
    /// Another process serves a cell.
    #[error(
        "another process serves {cell} now, which it took over while the database was out of reach: nothing is served here any more"
    )]
    CellTaken {
        /// The cell.
        cell: CellId,
    },
    /// A listener or the worker panicked; the log says where.
    #[error("a part of the process ended unexpectedly")]
    Panicked(#[source] tokio::task::JoinError),
    /// The signals that end the process could not be listened for.
    #[error("listen for signals")]
    Signals(#[source] io::Error),
}

/// Serves the platform until SIGINT or SIGTERM, then finishes the requests in flight; a second signal ends it
/// at once, and so does the first while the platform opens.
///
/// Standard output gets the lines `listening http://…` and `ops http://…` once both listeners answer, a line for
/// each cell in Postgres, and lines with browser and curl addresses for each demo shop.
///
/// # Errors
/// [`ServeError`]; nothing is served then, or any more.
pub async fn run(config: Config) -> Result<(), ServeError> {
    let stop = stop_signal().map_err(ServeError::Signals)?;
    let metrics = telemetry::init_metrics();
    // Servers may start in there, and other ones not answer. What it does can be done again, so it is left where it is.
    let mut first = stop.clone();
    let platform = tokio::select! {
        opened = Platform::open(config.clone()) => opened?,
        _ = first.wait_for(|stop| *stop != Stop::Not) => {
            tracing::info!("stopped before anything was served");
            return Ok(());
        }
    };
    let token = OperatorToken::load_or_create(&config.data.join(TOKEN_FILE));
    let token = token.map_err(|source| ServeError::File {
        path: config.data.join(TOKEN_FILE),
        source,
    })?;
    let (shops, shops_address) = bind(config.listen).await?;
    let (operators, ops_address) = bind(config.ops_listen).await?;
    let visit = Arc::new(Visit {
        platform_domain: config.platform_domain.to_string(),
        port: shops_address.port(),
    });
    let ops = Ops {
        platform: platform.clone(),
        idempotency: Idempotency::new(&platform),
        visit: Arc::clone(&visit),
        stop: stop.clone(),
        metrics,
    };
    if config.demo == Demo::WhenEmpty {
        // Boxed: it has everything in it that the making and filling of a shop may do.
        Box::pin(demo::make_shops(&platform))
            .await
            .map_err(Box::new)?;
    }
    let serving = tokio::spawn(shops.serve(gateway::service(platform.site()), stop.clone()));
    let working = tokio::spawn(Worker::new(platform.clone()).run(stop.clone()));
    let operating = tokio::spawn(operators.serve(ops::router(ops, token), stop.clone()));
    write_address(&config.data, ops_address)?;
    announce(&platform, &visit, (shops_address, ops_address)).await?;
    // A part ends when it is told to, or panics: then the others must not go on as if all were well.
    let ended = async { tokio::try_join!(serving, operating, working) };
    tokio::select! {
        ended = ended => ended.map(drop).map_err(ServeError::Panicked)?,
        // Requests in flight are not finished: the other process may give what they make to another shop.
        cell = platform.site().taken_cell() => return Err(ServeError::CellTaken { cell }),
    }
    tracing::info!("stopped");
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<(Server<TcpListener>, SocketAddr), ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((Server::new(listener), bound))
}

/// The first SIGINT or SIGTERM says to drain, the second to stop at once.
fn stop_signal() -> io::Result<watch::Receiver<Stop>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (sender, receiver) = watch::channel(Stop::Not);
    tokio::spawn(async move {
        for stop in [Stop::Drain, Stop::Now] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::info!(?stop, "stopping");
            sender.send_replace(stop);
        }
    });
    Ok(receiver)
}

/// Writes `ops.json` in one step, so that a reader never sees half of it.
fn write_address(folder: &Path, address: SocketAddr) -> Result<(), ServeError> {
    let path = folder.join(OPS_FILE);
    let address = OpsAddress {
        url: format!("http://{address}"),
    };
    let json = serde_json::to_string(&address).expect("an address is JSON");
    let unfinished = folder.join("ops.json.new");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&unfinished);
    let written = written
        .and_then(|mut file| writeln!(file, "{json}"))
        .and_then(|()| fs::rename(&unfinished, &path));
    written.map_err(|source| ServeError::File { path, source })
}

/// Says where everything is. A reader that has gone away is no reason to stop.
async fn announce(
    platform: &Platform,
    visit: &Visit,
    (shops, ops): (SocketAddr, SocketAddr),
) -> Result<(), ServeError> {
    let mut lines = vec![
        format!("listening http://{shops}"),
        format!("ops http://{ops}"),
    ];
    for spec in platform.config().cells.iter() {
        let (cell, region) = (spec.cell, &spec.region);
        match &spec.place {
            CellPlace::File => {}
            CellPlace::PrivatePostgres => {
                lines.push(format!(
                    "cell {cell} ({region}): a Postgres server of its own"
                ));
            }
            CellPlace::Postgres(credentials) => {
                let place = credentials.place();
                lines.push(format!("cell {cell} ({region}): Postgres, {place}"));
            }
        }
    }
    for slug in demo::present(platform).await.map_err(Box::new)? {
        let host = format!("{slug}.{}", visit.platform_domain);
        lines.push(format!("shop {}/", visit.url(&host)));
        lines.push(format!("     curl -H 'Host: {host}' http://{shops}/"));
    }
    let _ = writeln!(io::stdout().lock(), "{}", lines.join("\n"));
    Ok(())
}
