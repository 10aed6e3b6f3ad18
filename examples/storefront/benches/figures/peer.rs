//! The peer: what one would write with axum and sqlx alone, without this project.
//!
//! It serves the same shops from copies of the same database files, with the same statements in plain
//! transactions of sqlx's pools, and renders the same pages from the same templates. What it leaves out is
//! what the project is about, and what a careful server does besides:
//!
//! - the tenant is looked up in a map of hosts, once read; there is no directory, no lifecycle, no admission;
//! - no limits on rate, concurrency, bodies, heads, times or connections;
//! - no fence, no views, no triggers: the `where tenant_id =` of each statement is all that separates shops;
//! - no budget, no timeout and no cancelled statement;
//! - no logs, no metrics, no `ETag`, no security headers, no pages for errors.
//!
//! To be fair it does as little as it can: connections are not tested before use, and statements not logged.

mod checkout;
mod page;

use std::{collections::HashMap, io::Write as _, num::NonZeroUsize, path::Path, sync::Arc, thread};

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use sqlx::{
    ConnectOptions as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use storefront::{money::Currency, shop::payment::TestGateway};
use tenancy_types::TenantId;
use tokio::net::TcpListener;

use crate::{Failure, world};

/// Readers of one cell, as many as ours has.
const READERS: u32 = 8;

/// The databases of a cell.
#[derive(Clone, Debug)]
struct Cell {
    readers: SqlitePool,
    writer: SqlitePool,
}

#[derive(Clone, Debug)]
struct Shops {
    hosts: Arc<HashMap<String, (TenantId, Cell)>>,
    gateway: TestGateway,
}

impl Shops {
    async fn open(folder: &Path) -> Result<Self, Failure> {
        let mut cells: HashMap<String, Cell> = HashMap::new();
        let mut shops = HashMap::new();
        for shop in world::shops_in(folder)? {
            let cell = match cells.get(&shop.cell) {
                Some(cell) => cell.clone(),
                None => open(&folder.join(format!("{}.db", shop.cell))).await?,
            };
            cells.insert(shop.cell, cell.clone());
            let tenant = TenantId::new(shop.tenant.try_into()?).ok_or("a shop has the id 0")?;
            shops.insert(shop.host, (tenant, cell));
        }
        Ok(Self {
            hosts: Arc::new(shops),
            gateway: TestGateway::open(&folder.join("payments.db")).await?,
        })
    }

    fn of(&self, headers: &HeaderMap) -> Result<&(TenantId, Cell), NoAnswer> {
        let host = headers.get(http::header::HOST).ok_or(NoAnswer::NotFound)?;
        let host = host.to_str().map_err(|_| NoAnswer::NotFound)?;
        self.hosts.get(host).ok_or(NoAnswer::NotFound)
    }
}

async fn open(file: &Path) -> Result<Cell, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("temp_store", "memory")
        .disable_statement_logging();
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .test_before_acquire(false)
    };
    // The writer first: what readers need beside the file is made by one who may write.
    let writer = pool(1).connect_with(options.clone()).await?;
    let readers = pool(READERS).connect_with(options.read_only(true)).await?;
    Ok(Cell { readers, writer })
}

/// Serves the shops of a world until it is killed.
pub(crate) fn serve(folder: &Path) -> Result<(), Failure> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let router = Router::new()
            .route("/products/{handle}", get(page::product))
            .route("/api/checkout", post(checkout::checkout))
            .with_state(Shops::open(folder).await?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(
            std::io::stdout(),
            "listening http://{}",
            listener.local_addr()?
        )?;
        axum::serve(listener, router).await?;
        Ok(())
    })
}

/// Why there is no answer.
#[derive(Debug)]
enum NoAnswer {
    NotFound,
    Refused(&'static str),
    Broken(Failure),
}

impl<E: Into<Failure>> From<E> for NoAnswer {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

impl IntoResponse for NoAnswer {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND.into_response(),
            Self::Refused(why) => (StatusCode::CONFLICT, why).into_response(),
            Self::Broken(error) => {
                (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
            }
        }
    }
}

fn currency(code: &str) -> Result<Currency, NoAnswer> {
    Ok(Currency::from_code(code)?)
}
