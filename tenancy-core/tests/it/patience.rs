//! Waiting for what comes in its own time: not for ever.

use std::time::Duration;

use sqlx::PgConnection;

/// Asks until the answer is yes.
pub(crate) async fn until(connection: &mut PgConnection, question: &'static str) {
    let yes = async || {
        sqlx::query_scalar(question)
            .fetch_one(&mut *connection)
            .await
            .unwrap()
    };
    until_so(question, yes).await;
}

/// Asks until it is so, for a minute at most.
pub(crate) async fn until_so(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    let answered = tokio::time::timeout(Duration::from_secs(60), asking).await;
    assert!(answered.is_ok(), "still not: {what}");
}
