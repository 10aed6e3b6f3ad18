//! Where a cell says whose it is: read before it is used, and written when it is served for the first time.

use std::error::Error;

use sqlx::{
    ConnectOptions as _, Connection as _, postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};
use tenancy_types::{CellId, Clock as _, SystemClock};

use super::agreement::Owner;
use crate::postgres::in_time;

/// The database of a cell, past the door of its tenants.
#[derive(Clone, Debug)]
pub(super) enum Register {
    /// As the mover.
    Postgres(PgConnectOptions),
    /// The file.
    Sqlite(SqliteConnectOptions),
}

type Failure = Box<dyn Error + Send + Sync>;
type Row = (String, i64);

/// A cell of an older program has no such table.
const THERE_IN_POSTGRES: &str = "select to_regclass('cell_owner') is not null";
const THERE_IN_SQLITE: &str =
    "select exists (select 1 from sqlite_master where type = 'table' and name = 'cell_owner')";
const READ: &str = "select directory, cell from cell_owner";
/// Of two that come first at one time, one is the owner.
const CLAIM: &str = "insert into cell_owner (one, directory, cell, since) values (1, $1, $2, $3)
    on conflict (one) do nothing";

impl Register {
    /// Whose the cell is, if it was ever served.
    pub(super) async fn owner(&self) -> Result<Option<Owner>, Failure> {
        let row: Option<Row> = match self {
            Self::Postgres(options) => in_time(read_postgres(options)).await?,
            Self::Sqlite(options) => read_sqlite(options).await?,
        };
        row.map(owner).transpose()
    }

    /// Makes it the owner's, if it was nobody's; returns whose it is then.
    pub(super) async fn claim(&self, ours: Owner) -> Result<Owner, Failure> {
        let (directory, cell) = (ours.directory.to_string(), i64::from(ours.cell.get()));
        let now = SystemClock.unix().get();
        match self {
            Self::Postgres(options) => {
                let claimed = async {
                    let mut connection = options.connect().await?;
                    let claim = sqlx::query(CLAIM).bind(directory).bind(cell).bind(now);
                    claim.execute(&mut connection).await?;
                    connection.close().await
                };
                in_time(claimed).await?;
            }
            Self::Sqlite(options) => {
                let mut connection = options.connect().await?;
                let claim = sqlx::query(CLAIM).bind(directory).bind(cell).bind(now);
                claim.execute(&mut connection).await?;
                connection.close().await?;
            }
        }
        let owner = self.owner().await?;
        owner.ok_or_else(|| "somebody deleted whose the cell is".into())
    }
}

async fn read_postgres(options: &PgConnectOptions) -> Result<Option<Row>, sqlx::Error> {
    let mut connection = options.connect().await?;
    let there = sqlx::query_scalar(THERE_IN_POSTGRES).fetch_one(&mut connection);
    let row = if there.await? {
        let read = sqlx::query_as(READ);
        read.fetch_optional(&mut connection).await?
    } else {
        None
    };
    connection.close().await?;
    Ok(row)
}

async fn read_sqlite(options: &SqliteConnectOptions) -> Result<Option<Row>, sqlx::Error> {
    let mut connection = options.connect().await?;
    let there = sqlx::query_scalar(THERE_IN_SQLITE).fetch_one(&mut connection);
    let row = if there.await? {
        let read = sqlx::query_as(READ);
        read.fetch_optional(&mut connection).await?
    } else {
        None
    };
    connection.close().await?;
    Ok(row)
}

fn owner((directory, cell): Row) -> Result<Owner, Failure> {
    let number = u16::try_from(cell).ok().and_then(CellId::new);
    Ok(Owner {
        directory: directory.parse()?,
        cell: number.ok_or("whose the cell is makes no sense")?,
    })
}
