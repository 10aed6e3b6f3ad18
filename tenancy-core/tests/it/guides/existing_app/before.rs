//! The application as it was.

use sqlx::{PgPool, Result};

pub(crate) async fn add_task(pool: &PgPool, project: &str, title: &str) -> Result<String> {
    sqlx::query_scalar(
        "INSERT INTO task (project_id, title) VALUES ($1::uuid, $2) RETURNING id::text",
    )
    .bind(project)
    .bind(title)
    .fetch_one(pool)
    .await
}

pub(crate) async fn open_tasks(pool: &PgPool) -> Result<Vec<String>> {
    sqlx::query_scalar("SELECT title FROM open_task ORDER BY title")
        .fetch_all(pool)
        .await
}
