//! The processes of a platform: all in one (`storefront serve`), or one each for gateways, cells and control.

pub mod cell;
pub mod control;
pub mod gateway;
mod lifetime;
pub mod up;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use tenancy_cell_router::{Offer, Server, Stop};
use tenancy_core::keys::{KeyringError, LiveKeyring};
use tenancy_types::CellId;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    cluster::{EndpointsError, follow_keys},
    config::{CellPlace, Config, Demo},
    demo::{self, DemoError},
    front::{Doors, FrontError, Spoken, until_taken},
    gateway as way,
    ops::{self, Idempotency, OperatorToken, Ops, Visit},
    platform::{OpenError, Platform, Site, Worker, until_free},
    telemetry,
};

pub use lifetime::Lifetime;

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
    /// The keys that the processes share cannot be used.
    #[error("use the keys in {}", path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyringError,
    },
    /// It is not known where the other processes are.
    #[error(transparent)]
    Endpoints(#[from] EndpointsError),
    /// A process of the platform did not start.
    #[error("start {process}")]
    Start {
        /// Which one.
        process: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// A process of the platform ended before it said where it listens.
    #[error("{process} ended before it said where it listens; see above why")]
    Ended {
        /// Which one.
        process: String,
    },
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
    let (stopping, stop) = Lifetime::Own.stop_signal().map_err(ServeError::Signals)?;
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
        tokio::spawn(spoken.serve(doors.shops, way::service(platform.site()), stop.clone()));
    let working = tokio::spawn(Worker::new(platform.clone()).run(stop.clone()));
    let operators = Server::new(doors.operators);
    let operating = tokio::spawn(operators.serve(ops::router(ops, token), stop));
    tokio::spawn(drain_when_taken(doors.offer, stopping));
    write_address(&config.data, ops_address)?;
    announce(&platform, &visit, (shops_address, ops_address)).await?;
    ended(flat(serving), [operating, working], platform.site()).await
}

/// Visitors' part of a process.
async fn flat(serving: JoinHandle<Result<(), FrontError>>) -> Result<(), ServeError> {
    Ok(serving.await.map_err(ServeError::Panicked)??)
}

/// Returns when all parts have ended.
async fn ended<const N: usize>(
    serving: impl Future<Output = Result<(), ServeError>>,
    others: [JoinHandle<()>; N],
    site: &Site,
) -> Result<(), ServeError> {
    let others = async { try_join_all(others).await.map_err(ServeError::Panicked) };
    tokio::select! {
        // A part ends when it is told to, or panics: then the others must not go on as if all were well.
        ended = async { tokio::try_join!(serving, others) } => ended.map(drop)?,
        // Requests in flight are not finished: the other process may give what they make to another shop.
        cell = site.taken_cell() => return Err(ServeError::CellTaken { cell }),
    }
    tracing::info!("stopped");
    Ok(())
}

/// Says one thing a line. A reader that has gone away is no reason to stop.
fn say(lines: &[String]) {
    let _ = writeln!(io::stdout().lock(), "{}", lines.join("\n"));
}

fn keys(path: &Path) -> Result<LiveKeyring, ServeError> {
    follow_keys(path).map_err(|source| ServeError::Keys {
        path: path.to_owned(),
        source,
    })
}

async fn bind(asked: SocketAddr) -> Result<(Server<TcpListener>, SocketAddr), ServeError> {
    let bound = TcpListener::bind(asked).await;
    let listener = bound.map_err(|source| FrontError::Listen {
        address: asked,
        source,
    })?;
    let bound = address(&listener)?;
    Ok((Server::new(listener), bound))
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

/// Says where everything is.
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
    lines.extend(shop_lines(platform, visit, shops).await?);
    say(&lines);
    Ok(())
}

/// How the demo shops are reached that are there.
async fn shop_lines(
    platform: &Platform,
    visit: &Visit,
    shops: SocketAddr,
) -> Result<Vec<String>, ServeError> {
    let mut lines = Vec::new();
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
    Ok(lines)
}
