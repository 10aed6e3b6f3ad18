use std::{str::FromStr, time::Duration};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tenancy_types::{Clock, RequestKey, UnixMicros};

use super::{Entry, Journal, JournalError};
use crate::{Schema, Version, upgrade_sqlite};

/// A journal in a SQLite file of its own. Clones share the file.
///
/// Acknowledged entries survive a crash of the machine (`synchronous = full`).
#[derive(Clone, Debug)]
pub struct SqliteJournal {
    // One connection: writers of one file would only wait for each other, and every call is one statement.
    pool: SqlitePool,
}

/// `open` is 1 at the first entry of an unfinished workflow and 0 everywhere else, so that the index over
/// unfinished ones stays small however many are finished.
const TABLES: &str = "
create table tenancy_workflow_journal (
    key text not null,
    number bigint not null,
    at bigint not null,
    entry text not null,
    open bigint not null,
    primary key (key, number)
);
create index tenancy_workflow_unfinished on tenancy_workflow_journal (key) where open = 1;
";

impl SqliteJournal {
    /// Opens the journal and makes its tables where they are missing.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be opened, or belongs to something else.
    pub async fn open(
        options: &SqliteConnectOptions,
        clock: &impl Clock,
    ) -> Result<Self, JournalError> {
        let options = options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // What is forgotten must not be left in free pages.
            .pragma("secure_delete", "on")
            .busy_timeout(Duration::from_secs(5));
        let schema = Schema::new([Version::new(1, "workflow-journal", TABLES)])
            .expect("the one version has number 1, a name and a text");
        upgrade_sqlite(&schema, &options, clock).await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(unavailable)?;
        Ok(Self { pool })
    }

    /// Deletes the workflows that have an entry beginning with these words, finished ones and others, and
    /// takes what was deleted out of the file. For a journal whose entries name people or their things.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`], also while somebody reads an older state of the file, so that the text is in
    /// its write-ahead log still; do it again.
    ///
    /// # Cancel safety
    /// A dropped future may or may not have deleted them; do it again.
    pub async fn forget(&self, beginning: &str) -> Result<(), JournalError> {
        sqlx::query(
            "delete from tenancy_workflow_journal where key in (
                select key from tenancy_workflow_journal where substr(entry, 1, length($1)) = $1)",
        )
        .bind(beginning)
        .execute(&self.pool)
        .await
        .map_err(unavailable)?;
        let (busy, _, _): (i64, i64, i64) = sqlx::query_as("pragma wal_checkpoint(truncate)")
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
        if busy == 0 {
            return Ok(());
        }
        let source = "somebody reads an older state of the journal".into();
        Err(JournalError::Unavailable { source })
    }

    /// Waits for the statement under way and closes the file.
    pub async fn shut_down(&self) {
        self.pool.close().await;
    }
}

impl Journal for SqliteJournal {
    async fn entries(&self, key: &RequestKey) -> Result<Vec<Entry>, JournalError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "select at, entry from tenancy_workflow_journal where key = $1 order by number",
        )
        .bind(key.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        let entry = |(at, text)| Entry {
            at: UnixMicros::new(at),
            text,
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    async fn append(
        &self,
        key: &RequestKey,
        number: u32,
        entry: Entry,
    ) -> Result<(), JournalError> {
        let added = sqlx::query(
            "insert into tenancy_workflow_journal (key, number, at, entry, open)
             select $1, $2, $3, $4, $5
             where (select count(*) from tenancy_workflow_journal where key = $1) = $2",
        )
        .bind(key.as_str())
        .bind(i64::from(number))
        .bind(entry.at.get())
        .bind(entry.text)
        .bind(i64::from(number == 0))
        .execute(&self.pool)
        .await
        .map_err(unavailable)?;
        if added.rows_affected() == 1 {
            Ok(())
        } else {
            let key = key.clone();
            Err(JournalError::Conflict { key, number })
        }
    }

    async fn close(&self, key: &RequestKey) -> Result<(), JournalError> {
        sqlx::query("update tenancy_workflow_journal set open = 0 where key = $1 and open = 1")
            .bind(key.as_str())
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    async fn unfinished(&self) -> Result<Vec<RequestKey>, JournalError> {
        let keys: Vec<String> = sqlx::query_scalar(
            "select key from tenancy_workflow_journal where open = 1 order by key",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        let parse = |found: String| {
            RequestKey::from_str(&found).map_err(|_| JournalError::BadKey { found })
        };
        keys.into_iter().map(parse).collect()
    }
}

fn unavailable(error: sqlx::Error) -> JournalError {
    JournalError::Unavailable {
        source: error.into(),
    }
}
