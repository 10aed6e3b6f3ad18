//! What is deleted cannot be read from a SQLite cell's files any more.

use std::{fs, num::NonZeroU32, path::Path};

use sqlx::{Connection as _, SqliteConnection};
use tenancy_core::{
    Table,
    db::{Datum, DbError, TableRows},
};

use super::{Sqlite, options, reader, writer};

/// In every row, in a column that is indexed, one that is not, and one that needs pages of its own.
const SECRET: &str = "mrs-robinson-of-9-elm-street";

const NOTE: [&str; 5] = ["shelf", "seq", "Desc", "weight", "amount"];

/// Keys in no order, so that pages are split and joined.
fn notes() -> TableRows {
    let row = |n: i64| {
        let padding = "x".repeat(usize::try_from(n * 37 % 900).unwrap());
        let long = if n % 50 == 0 { 6_000 } else { 0 };
        let text = format!("{padding}{SECRET}{}", "y".repeat(long));
        vec![
            Datum::Text(format!("{:03}-{SECRET}", n * 7_919 % 1_000)),
            Datum::Int(n),
            Datum::Text(text),
            Datum::Null,
            Datum::Null,
        ]
    };
    TableRows {
        columns: NOTE.iter().map(ToString::to_string).collect(),
        rows: (0..1_000).map(row).collect(),
    }
}

/// How often the secret is in the files of a folder.
fn traces(folder: &Path) -> usize {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    files
        .map(|file| {
            let bytes = fs::read(file).unwrap();
            let found = bytes.windows(SECRET.len());
            found.filter(|window| *window == SECRET.as_bytes()).count()
        })
        .sum()
}

async fn write_and_delete(sqlite: &Sqlite) {
    let table = Table::tenant("note", ["shelf", "seq"]);
    let cell = &sqlite.cell;
    cell.scope(&writer(1), async |tx| {
        tx.insert_into(&table, &notes()).await
    })
    .await
    .unwrap();
    // Updates move rows and leave their old places behind.
    cell.scope(&writer(1), async |tx| {
        tx.sql("update note set amount = seq, \"Desc\" = \"Desc\" || \"Desc\" where tenant_id = 1 and seq < 300")
            .run()
            .await
    })
    .await
    .unwrap_or_else(|error: DbError| panic!("{error:?}"));
    assert!(traces(sqlite.folder.path()) > 2_000, "control: it is there");
    let some = NonZeroU32::new(150).unwrap();
    let ctx = writer(1);
    let delete = || cell.scope(&ctx, async |tx| tx.delete_from(&table, some).await);
    while delete().await.unwrap() > 0 {}
}

#[tokio::test]
async fn what_is_deleted_is_in_none_of_the_files() {
    let sqlite = Sqlite::new(1, options(1)).await;
    write_and_delete(&sqlite).await;
    assert!(
        traces(sqlite.folder.path()) > 0,
        "control: the write-ahead log still has it"
    );
    sqlite.cell.scrub().await.unwrap();
    assert_eq!(traces(sqlite.folder.path()), 0);
    // The cell goes on.
    super::stock(&sqlite.cell, 1, "Mug").await;
}

/// Control: without the writer's setting the same deletion leaves the text in the file.
#[tokio::test]
async fn without_overwriting_it_would_be_there() {
    let sqlite = Sqlite::new(1, options(1)).await;
    let table = Table::tenant("note", ["shelf", "seq"]);
    sqlite
        .cell
        .scope(&writer(1), async |tx| {
            tx.insert_into(&table, &notes()).await
        })
        .await
        .unwrap();
    let mut plain: SqliteConnection = sqlite.plain().await;
    sqlx::raw_sql("pragma secure_delete = off; delete from note")
        .execute(&mut plain)
        .await
        .unwrap();
    plain.close().await.unwrap();
    sqlite.cell.scrub().await.unwrap();
    assert!(traces(sqlite.folder.path()) > 0);
}

#[tokio::test]
async fn it_does_not_wait_for_a_long_reader() {
    let sqlite = Sqlite::new(1, options(1)).await;
    let ctx = reader(1);
    let mut reading = sqlite.cell.begin(&ctx);
    let table = Table::tenant("note", ["shelf", "seq"]);
    reading.count_of(&table).await.unwrap();
    write_and_delete(&sqlite).await;
    let busy = sqlite.cell.scrub().await;
    assert!(matches!(busy, Err(DbError::Busy)), "{busy:?}");
    reading.rollback().await;
    sqlite.cell.scrub().await.unwrap();
    assert_eq!(traces(sqlite.folder.path()), 0);
}
