//! The application in an isolated cell.

use std::{error::Error, num::NonZeroU16};

use sqlx::{Postgres, Result, postgres::PgConnectOptions};
use tenancy_core::{
    Access, ReadWrite, TenantContext,
    db::{CellOptions, DbError, PostgresCell, TenantTx},
    isolation::{
        Isolation, SealKey,
        audit::{self, Enforcement},
    },
    protocol::FenceEvent,
    types::{Epoch, Lifecycle, TenantId},
};

pub(crate) async fn open(
    app: PgConnectOptions,
    mover: PgConnectOptions,
    isolation: &Isolation,
    key: Option<SealKey>,
    enforcement: Enforcement,
) -> std::result::Result<PostgresCell, Box<dyn Error>> {
    let receipt = audit::boot_with(app, isolation, key, enforcement).await?;
    let options = CellOptions::new(NonZeroU16::new(4).ok_or("a cell has connections")?);
    Ok(PostgresCell::open(receipt, mover, options).await?)
}

pub(crate) async fn let_in(
    cell: &PostgresCell,
    tenant: TenantId,
) -> std::result::Result<(), DbError> {
    let create = FenceEvent::Create {
        lifecycle: Lifecycle::Active,
        epoch: Epoch::FIRST,
    };
    cell.change_fence(tenant, None, create).await?;
    Ok(())
}

pub(crate) async fn add_task(
    tx: &mut TenantTx<Postgres, ReadWrite>,
    project: &str,
    title: &str,
) -> Result<String> {
    sqlx::query_scalar(
        "INSERT INTO task (project_id, title) VALUES ($1::uuid, $2) RETURNING id::text",
    )
    .bind(project)
    .bind(title)
    .fetch_one(tx)
    .await
}

pub(crate) async fn open_tasks<A: Access>(tx: &mut TenantTx<Postgres, A>) -> Result<Vec<String>> {
    sqlx::query_scalar("SELECT title FROM open_task ORDER BY title")
        .fetch_all(tx)
        .await
}

pub(crate) async fn add_invoice(
    tx: &mut TenantTx<Postgres, ReadWrite>,
    currency: &str,
    cents: i64,
) -> Result<i64> {
    sqlx::query_scalar(
        "WITH next AS (
            INSERT INTO invoice_number (last) VALUES (1)
            ON CONFLICT (tenant_id) DO UPDATE SET last = invoice_number.last + 1
            RETURNING last
        )
        INSERT INTO invoice (number, currency, cents) SELECT last, $1, $2 FROM next RETURNING number",
    )
    .bind(currency)
    .bind(cents)
    .fetch_one(tx)
    .await
}

pub(crate) async fn tasks_beginning_with<A: Access>(
    tx: &mut TenantTx<Postgres, A>,
    beginning: &str,
) -> Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT task.title FROM tenancy.search_task_title(tenancy.current_tenant(), $1) found
        JOIN task ON task.id = found.id ORDER BY task.title",
    )
    .bind(beginning)
    .fetch_all(tx)
    .await
}

pub(crate) async fn create_task(
    cell: &PostgresCell,
    ctx: &TenantContext<ReadWrite>,
    project: &str,
    title: &str,
) -> std::result::Result<String, DbError> {
    let mut tx = cell.begin(ctx);
    let id = add_task(&mut tx, project, title)
        .await
        .map_err(DbError::from_sqlx)?;
    tx.commit().await?;
    Ok(id)
}
