//! What the application does.

use sqlx::{Postgres, Result};
use tenancy_core::{Access, db::TenantTx};

pub(crate) async fn articles<A: Access>(
    tx: &mut TenantTx<Postgres, A>,
    words: &str,
) -> Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT article.title FROM tenancy.search_article_words(tenancy.current_tenant(), $1) found
        JOIN article ON article.tenant_id = tenancy.current_tenant() AND article.id = found.id",
    )
    .bind(words)
    .fetch_all(tx)
    .await
}
