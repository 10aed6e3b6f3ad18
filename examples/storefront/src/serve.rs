//! `storefront serve`: one process that is the whole platform.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tenancy_cell_router::{Offer, Server, Stop};
use tenancy_types::CellId;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    config::{CellPlace, Config, Demo},
    demo::{self, DemoError},
    front::{Doors, FrontError, Spoken, until_taken},
    gateway,
    ops::{self, Idempotency, OperatorToken, Ops, Visit},
    platform::{OpenError, Platform, Worker, until_free},
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
    /// Nobody can be let in.
    #[error(transparent)]
    Front(#[from] FrontError),
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
    /// The operating system does not tell which address is listened on.
    #[error("ask for the listener's address")]
    Address(#[source] io::Error),
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
/// With a handover path it takes the place of the process that serves there, and leaves its own to the next one.
///
/// Standard output gets the lines `listening http://…` and `ops http://…` once both listeners answer, a line for
/// each cell in Postgres, and lines with browser and curl addresses for each demo shop.
///
/// # Errors
/// [`ServeError`]; nothing is served then, or any more.
pub async fn run(config: Config) -> Result<(), ServeError> {
    let (stopping, stop) = stop_signal().map_err(ServeError::Signals)?;
    let metrics = telemetry::init_metrics();
    let spoken = Spoken::open(&config.front)?;
    let addresses = (config.listen, config.ops_listen);
    let taken_over = Doors::take_over(&config.front, addresses).await?;
    // Servers may start in there, and other ones not answer. What it does can be done again, so it is left where it is.
    let mut first = stop.clone();
    let platform = tokio::select! {
        opened = open(&config, taken_over.as_ref()) => opened?,
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
    let doors = match taken_over {
        Some(doors) => doors,
        None => Doors::bind(config.listen, config.ops_listen).await?,
    };
    let (shops_address, ops_address) = (address(&doors.shops)?, address(&doors.operators)?);
    let visit = Arc::new(Visit {
        platform_domain: config.platform_domain.to_string(),
        scheme: config.front.scheme(),
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
    let serving =
        tokio::spawn(spoken.serve(doors.shops, gateway::service(platform.site()), stop.clone()));
    let working = tokio::spawn(Worker::new(platform.clone()).run(stop.clone()));
    let operators = Server::new(doors.operators);
    let operating = tokio::spawn(operators.serve(ops::router(ops, token), stop));
    tokio::spawn(drain_when_taken(doors.offer, stopping));
    write_address(&config.data, ops_address)?;
    announce(&platform, &visit, (shops_address, ops_address)).await?;
    // A part ends when it is told to, or panics: then the others must not go on as if all were well.
    let ended = async { tokio::try_join!(serving, operating, working) };
    tokio::select! {
        ended = ended => ended.map_err(ServeError::Panicked)?.0?,
        // Requests in flight are not finished: the other process may give what they make to another shop.
        cell = platform.site().taken_cell() => return Err(ServeError::CellTaken { cell }),
    }
    tracing::info!("stopped");
    Ok(())
}

/// Opens the platform, once the process that is followed has left the data folder.
async fn open(config: &Config, taken_over: Option<&Doors>) -> Result<Platform, OpenError> {
    if taken_over.is_some_and(|doors| doors.are_inherited) {
        until_free(&config.data).await?;
    }
    Platform::open(config.clone()).await
}

/// Says that this process drains once another one has its sockets.
async fn drain_when_taken(offer: Option<Offer>, stopping: watch::Sender<Stop>) {
    until_taken(offer, stopping.subscribe()).await;
    tracing::info!("another process goes on");
    stopping.send_if_modified(|stop| {
        let is_first = *stop < Stop::Drain;
        *stop = (*stop).max(Stop::Drain);
        is_first
    });
}

fn address(listener: &TcpListener) -> Result<SocketAddr, ServeError> {
    listener.local_addr().map_err(ServeError::Address)
}

/// The first SIGINT or SIGTERM says to drain, the second to stop at once.
fn stop_signal() -> io::Result<(watch::Sender<Stop>, watch::Receiver<Stop>)> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (sender, receiver) = watch::channel(Stop::Not);
    let stopping = sender.clone();
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
    Ok((stopping, receiver))
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
        format!("listening {}://{shops}", visit.scheme),
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
        lines.push(match visit.scheme {
            // A certificate is chosen by the name, so that the name must be in the address.
            "https" => format!(
                "     curl --resolve '{host}:{}:{}' {}/",
                shops.port(),
                shops.ip(),
                visit.url(&host)
            ),
            _ => format!("     curl -H 'Host: {host}' http://{shops}/"),
        });
    }
    let _ = writeln!(io::stdout().lock(), "{}", lines.join("\n"));
    Ok(())
}
