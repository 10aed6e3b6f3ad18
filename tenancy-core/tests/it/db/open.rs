//! What keeps a cell's file from being opened.

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use tenancy_core::{
    Manifest, Table,
    db::{CellDb, DbError, OpenError, PostgresCell, SqliteCell},
    isolation::{AuditReceipt, Isolation, IsolationMode, Roles, SealKey, audit},
};

use super::{Sqlite, create, manifest, options, plain, postgres, reader};

async fn open(folder: &TempDir, manifest: &Manifest) -> Result<SqliteCell, OpenError> {
    SqliteCell::open(folder.path().join("cell.db"), manifest, options(1)).await
}

#[tokio::test]
async fn one_process_has_a_cell() {
    let sqlite = Sqlite::new(0, options(1)).await;
    let second = open(&sqlite.folder, &manifest()).await.unwrap_err();
    let OpenError::InUse { holder, .. } = &second else {
        panic!("{second:?}");
    };
    assert_eq!(**holder, *format!("process {}", std::process::id()));
    let Sqlite { cell, folder } = sqlite;
    drop(cell);
    open(&folder, &manifest()).await.unwrap();
}

/// What a schema lacks or has too much of, as a person reads it.
async fn check_findings(schema: &'static str, expect: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = plain(&folder).await;
    sqlx::raw_sql(schema)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let manifest = Manifest::new([Table::tenant("product", ["id"])]).unwrap();
    let found = match open(&folder, &manifest).await {
        Ok(_) => Vec::new(),
        Err(OpenError::Schema { findings }) => findings.iter().map(ToString::to_string).collect(),
        Err(error) => panic!("{error:?}"),
    };
    assert_eq!(found, expect, "{schema}");
}

#[tokio::test]
async fn a_schema_that_is_not_the_manifests_is_refused() {
    let good = "create table product (tenant_id bigint, id bigint, primary key (tenant_id, id))";
    check_findings(good, &[]).await;
    check_findings("", &["table product does not exist"]).await;
    check_findings(
        "create table product (tenant_id bigint, id bigint, primary key (tenant_id, id));
         create table cart (id bigint); create view all_products as select * from product;",
        &[
            "view all_products is not allowed",
            "table cart is not declared",
        ],
    )
    .await;
    check_findings(
        "create table product (id bigint primary key)",
        &["table product has no column tenant_id"],
    )
    .await;
    check_findings(
        "create table product (tenant_id bigint, id bigint, primary key (id, tenant_id))",
        &["the primary key of table product is (id, tenant_id), not (tenant_id, id)"],
    )
    .await;
    check_findings(
        "create table product (tenant_id bigint, id bigint)",
        &["the primary key of table product is (), not (tenant_id, id)"],
    )
    .await;
}

#[tokio::test]
async fn a_newer_version_of_the_fences_is_refused() {
    let Sqlite { cell, folder } = Sqlite::new(1, options(1)).await;
    drop(cell);
    let mut connection = plain(&folder).await;
    sqlx::raw_sql("update tenancy_format set version = 2")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let refused = open(&folder, &manifest()).await;
    assert!(
        matches!(
            refused,
            Err(OpenError::Format {
                part: "fence",
                found: Some(2),
                known: 1
            })
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_cell_that_is_opened_after_a_migration_shows_the_new_column() {
    let Sqlite { cell, folder } = Sqlite::new(0, options(1)).await;
    let weight = "select count(weight) from product";
    create(&cell, 1).await;
    let before: Result<(i64,), DbError> = cell
        .scope(&reader(1), async |tx| tx.sql(weight).one().await)
        .await;
    assert!(
        matches!(before, Err(DbError::Statement { .. })),
        "{before:?}"
    );
    drop(cell);
    let mut connection = plain(&folder).await;
    sqlx::raw_sql("alter table product add column weight bigint")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let cell = CellDb::Sqlite(open(&folder, &manifest()).await.unwrap());
    let after: (i64,) = cell
        .scope(&reader(1), async |tx| tx.sql(weight).one::<(i64,)>().await)
        .await
        .unwrap_or_else(|error: DbError| panic!("{error:?}"));
    assert_eq!(after, (0,));
}

#[tokio::test]
async fn a_postgres_cell_of_another_version_is_refused() {
    let (cell, url) = postgres(1, options(1)).await;
    drop(cell);
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for (part, version, expect) in [
        (
            "fence",
            Some(99),
            "the cell's fence is of version 99, this program knows ",
        ),
        (
            "isolation",
            Some(1),
            "the cell's isolation is of version 1, this program knows ",
        ),
        (
            "isolation",
            None,
            "the cell's isolation is of version none, this program knows ",
        ),
    ] {
        // A receipt is of the moment of its audit, which knows versions too.
        let receipt = receipt(&url).await;
        sqlx::query("update tenancy.format set version = $2 where part = $1")
            .bind(part)
            .bind(version.unwrap_or(0))
            .execute(&mut connection)
            .await
            .unwrap();
        if version.is_none() {
            sqlx::query("delete from tenancy.format where part = $1")
                .bind(part)
                .execute(&mut connection)
                .await
                .unwrap();
        }
        let refused = open_again(receipt, &url).await.unwrap_err();
        assert!(matches!(refused, OpenError::Format { .. }), "{refused:?}");
        let said = refused.to_string();
        assert!(said.starts_with(expect), "{said}");
        restore(&mut connection).await;
    }
    // Control: as it was installed it opens.
    open_again(receipt(&url).await, &url).await.unwrap();
}

/// What the installation records.
async fn restore(connection: &mut PgConnection) {
    let versions = [
        ("fence", Isolation::FENCE_VERSION),
        ("isolation", Isolation::VERSION),
    ];
    for (part, version) in versions {
        let put = "insert into tenancy.format values ($1, $2)
            on conflict (part) do update set version = excluded.version";
        sqlx::query(put)
            .bind(part)
            .bind(version)
            .execute(&mut *connection)
            .await
            .unwrap();
    }
}

/// Of a cell that is installed, as the test's helper did.
async fn receipt(url: &str) -> AuditReceipt {
    let admin: PgConnectOptions = url.parse().unwrap();
    let roles = roles(&admin);
    let app = admin.username(&roles.app());
    let isolation = Isolation::new(&manifest(), roles, IsolationMode::Sealed);
    let key = SealKey::new("test", [7; 32]).unwrap();
    audit::boot_with(app, &isolation, Some(key), audit::Enforcement::ReportOnly)
        .await
        .unwrap()
}

async fn open_again(receipt: AuditReceipt, url: &str) -> Result<PostgresCell, OpenError> {
    let admin: PgConnectOptions = url.parse().unwrap();
    let mover = roles(&admin).mover();
    PostgresCell::open(receipt, admin.username(&mover), options(1)).await
}

fn roles(admin: &PgConnectOptions) -> Roles {
    Roles::named(admin.get_database().unwrap()).unwrap()
}
