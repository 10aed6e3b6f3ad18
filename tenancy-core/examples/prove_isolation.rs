//! What an application's own tests say about its isolation: a shop's notes in a SQLite cell, which keeps its
//! tenants apart, behind a handler that does not.
//!
//! `cargo run -p tenancy-core --example prove_isolation --features portable,axum,test-util`

use std::{
    collections::HashMap,
    num::NonZeroU16,
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::HOST},
    routing::get,
};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tenancy_core::{
    Manifest, ReadWrite, Table, TenantContext,
    db::{CellDb, CellOptions, DbError, SqliteCell},
    protocol::FenceEvent,
    testing::{
        Rows, assert_invisible, assert_rejected,
        matrix::{Matrix, Row, Verdict},
    },
    types::{Epoch, Lifecycle, TenantId},
};

const SCHEMA: &str = "create table note (
    tenant_id bigint not null, id bigint not null, body text not null, primary key (tenant_id, id))";

static HOSTS: LazyLock<HashMap<&str, u32>> =
    LazyLock::new(|| HashMap::from([("garden.example", 1), ("coffee.example", 2)]));

fn context(id: u32) -> TenantContext<ReadWrite> {
    TenantContext::for_test(TenantId::new(id).expect("not 0"))
}

/// Tenant 1 has note 7, tenant 2 has note 9.
async fn cell(path: &std::path::Path) -> Result<CellDb, Box<dyn std::error::Error>> {
    let create = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&create).await?;
    sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
    connection.close().await?;
    let manifest = Manifest::new([Table::tenant("note", ["id"])])?;
    let cell = SqliteCell::open(path, &manifest, CellOptions::new(NonZeroU16::MIN)).await?;
    let cell = CellDb::Sqlite(cell);
    for (tenant, id, body) in [(1, 7_i64, "all about spades"), (2, 9, "all about espresso")] {
        let ctx = context(tenant);
        let event = FenceEvent::Create {
            lifecycle: Lifecycle::Active,
            epoch: Epoch::FIRST,
        };
        cell.change_fence(ctx.tenant(), None, event).await?;
        let insert = "insert into note values ($1, $2, $3)";
        cell.scope(&ctx, async |tx| {
            let owner = tx.tenant().as_i64();
            tx.sql(insert)
                .bind(owner)
                .bind(id)
                .bind(body.to_owned())
                .run()
                .await
        })
        .await
        .map_err(|error: DbError| error)?;
    }
    Ok(cell)
}

/// Who asks is found out from the host, as it should be, or taken from what the request says of itself.
#[derive(Clone, Copy)]
enum Asks {
    TheHost,
    TheRequest,
}

async fn show(
    State((cell, asks)): State<(Arc<CellDb>, Asks)>,
    headers: HeaderMap,
    Path(id): Path<i64>,
) -> Result<String, StatusCode> {
    // Who says two things says nothing.
    let of = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let value = values.next().filter(|_| values.next().is_none());
        value.and_then(|value| value.to_str().ok())
    };
    let host = of(HOST.as_str()).and_then(|host| HOSTS.get(host).copied());
    let said = of("x-tenant").and_then(|tenant| tenant.parse().ok());
    let tenant = match asks {
        // The header is taken for no more than what it is: something to be compared.
        Asks::TheHost if host == said => host,
        Asks::TheHost => None,
        Asks::TheRequest => said,
    };
    let ctx = context(tenant.ok_or(StatusCode::FORBIDDEN)?);
    let select = "select body from note where id = $1";
    let found: Result<Option<(String,)>, DbError> = cell
        .scope(&ctx.to_read_only(), async |tx| {
            tx.sql(select).bind(id).optional().await
        })
        .await;
    match found {
        Ok(Some((body,))) => Ok(body),
        Ok(None) => Err(StatusCode::NOT_FOUND),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

fn app(cell: CellDb, asks: Asks) -> Router {
    let state = (Arc::new(cell), asks);
    Router::new()
        .route("/notes/{id}", get(show))
        .with_state(state)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let cell = cell(&folder.path().join("cell.db")).await?;
    let (garden, coffee) = (context(1), context(2));

    assert_invisible(&cell, &garden, &coffee, Rows::table("note").key("id", 7)).await;
    let spades = "select body from note where body like '%spades'";
    assert_invisible(&cell, &garden, &coffee, spades).await;
    assert_rejected(
        &cell,
        &coffee,
        garden.tenant(),
        "insert into note values ($1, 8, 'forged')",
    )
    .await;
    report("the cell keeps its tenants apart");

    let matrix = Matrix::of("garden", "coffee")
        .host("garden.example", "coffee.example")
        .header("x-tenant", "1", "2")
        .value("note", 7, 9)
        .mark("spades", "espresso")
        .request("GET", "/notes/{note}");
    let good = matrix
        .run::<_, Body, _>(&app(cell.clone(), Asks::TheHost))
        .await;
    good.assert_refused();
    report(&format!("\nthe tenant is the host's:\n{good}"));
    let bad = matrix.run::<_, Body, _>(&app(cell, Asks::TheRequest)).await;
    report(&format!("the tenant is whom the request names:\n{bad}"));
    // Coffee's note at garden's address, for who says that it is coffee.
    let leak = bad.rows().iter().find(|row| {
        row.tenant_of("host") == Some("garden")
            && row.tenant_of("x-tenant") == Some("coffee")
            && row.tenant_of("note") == Some("coffee")
    });
    assert_eq!(leak.map(Row::verdict), Some(Verdict::ForeignMark));
    Ok(())
}

#[test]
fn the_leak_is_found() {
    main().expect("no database error");
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn report(line: &str) {
    println!("{line}");
}
