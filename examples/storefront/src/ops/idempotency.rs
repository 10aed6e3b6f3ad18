//! The same request twice gives the same answer, also across a crash.
//!
//! The answer to a key's first request is recorded, with a fingerprint of what was asked, before it is sent.
//! A second request with the key gets that answer; one that asks something else is refused (422). What was
//! never answered, because the process died, is done again: every operation behind a key can be repeated.
//! Two requests with one key wait for each other. Answers are kept for a week; those of a shop go when it is
//! purged, and all refusals with them, since refusals may name it: a refused request did nothing, and is
//! decided anew.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;
use sqlx::SqlitePool;
use tenancy_core::{
    Refusal,
    directory::{AnyDirectory, Directory},
};
use tenancy_types::{Clock, Lifecycle, Problem, SystemClock, TenantId, UnixMicros};
use tokio::sync::OwnedMutexGuard;

use super::{OpsError, audit::Noted};
use crate::{platform::Platform, random};

/// How long answers are kept.
const WEEK_MICROS: i64 = 7 * 24 * 3600 * 1_000_000;

/// The record of keys and answers.
#[derive(Clone, Debug)]
pub struct Idempotency {
    pool: SqlitePool,
    directory: AnyDirectory,
    running: Arc<Running>,
}

/// One lock a key that is being worked on in this process.
type Running = Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>;

/// What was asked: method, path and body, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(blake3::Hash);

impl Fingerprint {
    /// The fingerprint of a request whose body has been hashed already.
    #[must_use]
    pub fn new(operation: &str, body: blake3::Hash) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(operation.as_bytes())
            .update(&[0])
            .update(body.as_bytes());
        Self(hasher.finalize())
    }

    /// As the record keeps it.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

/// An answer that can be kept.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Kept {
    status: i64,
    body: String,
    tenant_id: Option<i64>,
}

impl Kept {
    /// An answer that somebody else gave, in JSON.
    #[must_use]
    pub(super) fn given(status: StatusCode, body: String) -> Self {
        Self {
            status: i64::from(status.as_u16()),
            body,
            tenant_id: None,
        }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        Self::given(status, body.to_string())
    }

    /// The same answer, told to belong to the tenant: it goes when the tenant's data goes.
    #[must_use]
    pub fn of(self, tenant: TenantId) -> Self {
        Self {
            tenant_id: Some(tenant.as_i64()),
            ..self
        }
    }

    /// A refusal, as the API tells of it.
    #[must_use]
    pub fn problem(problem: &dyn Problem) -> Self {
        let error =
            json!({"error": {"code": problem.code().as_str(), "message": problem.client_text()}});
        let status = StatusCode::from_u16(problem.kind().http_status())
            .expect("kinds map to valid statuses");
        Self::json(status, &error)
    }
}

impl IntoResponse for Kept {
    fn into_response(self) -> Response {
        let status = u16::try_from(self.status)
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok());
        let tenant = self.tenant_id.and_then(|id| TenantId::try_from(id).ok());
        let mut response = Response::new(self.body.into());
        response.extensions_mut().insert(Noted {
            tenant,
            detail: String::new(),
        });
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        response
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Earlier {
    fingerprint: Vec<u8>,
    #[sqlx(flatten)]
    answer: Kept,
}

/// A request's key, held while the request is worked on.
#[derive(Debug)]
pub struct Claim {
    store: Idempotency,
    key: String,
    earlier: Option<Earlier>,
    _alone: OwnedMutexGuard<()>,
}

/// The request's `Idempotency-Key`, if it has one.
///
/// # Errors
/// [`OpsError::InvalidRequest`] unless there is at most one, of 1 to 255 visible ASCII characters.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, OpsError> {
    let mut fields = headers.get_all("idempotency-key").iter();
    let Some(field) = fields.next() else {
        return Ok(None);
    };
    let valid =
        |text: &&str| (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    match (field.to_str().ok().filter(valid), fields.next()) {
        (Some(key), None) => Ok(Some(key.to_owned())),
        _ => Err(OpsError::invalid(
            "Idempotency-Key must stand once, with 1 to 255 visible ASCII characters",
        )),
    }
}

/// Does what is asked with a key once, and gives its later requests the same answer, also when it is a
/// refusal. Without a key, or where no answers are kept, it is done each time.
///
/// What has been done and not been recorded, because the process died, is done again: work says itself what
/// it does the second time.
///
/// # Errors
/// [`OpsError::IdempotencyMismatch`], [`OpsError::Control`], and failures of the work that may go otherwise
/// the next time.
pub(super) async fn once(
    answers: Option<&Idempotency>,
    key: Option<String>,
    asked: Fingerprint,
    work: impl Future<Output = Result<Kept, OpsError>>,
) -> Result<Kept, OpsError> {
    let (Some(answers), Some(key)) = (answers, key) else {
        return work.await;
    };
    let claim = answers.claim(key).await?;
    if let Some(answer) = claim.replay(asked)? {
        return Ok(answer);
    }
    let answer = match work.await {
        Ok(answer) => answer,
        // What may go otherwise the next time is not kept.
        Err(error) if error.kind().http_status() >= 500 => return Err(error),
        Err(error) => Kept::problem(&error),
    };
    claim.keep(asked, &answer).await?;
    Ok(answer)
}

/// A key for a request that brought none: nobody can repeat it.
#[must_use]
pub(super) fn fresh_key() -> String {
    format!("unkeyed-{}", random::hex::<16>())
}

impl Idempotency {
    /// The record in the platform's control database.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self {
            pool: platform.control().clone(),
            directory: platform.directory().clone(),
            running: Arc::default(),
        }
    }

    /// Forgets answers that are older than a week.
    ///
    /// # Errors
    /// [`OpsError::Control`].
    pub async fn forget_old(&self, now: UnixMicros) -> Result<(), OpsError> {
        sqlx::query("delete from idempotency where created < $1")
            .bind(now.get().saturating_sub(WEEK_MICROS))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Whether the tenant's answers are forgotten, or are about to be.
    async fn is_forgotten(&self, tenant: i64) -> Result<bool, OpsError> {
        let Ok(id) = TenantId::try_from(tenant) else {
            return Ok(false);
        };
        let found = self.directory.tenant(id).await?;
        Ok(found.is_none_or(|tenant| {
            let lifecycle = tenant.placement.lifecycle;
            matches!(lifecycle, Lifecycle::Purging | Lifecycle::Gone)
        }))
    }

    /// Takes a key. A request with the same key that is being worked on is waited for.
    ///
    /// # Errors
    /// [`OpsError::Control`] when the record cannot be read.
    pub async fn claim(&self, key: String) -> Result<Claim, OpsError> {
        let alone = self.lock(&key).lock_owned().await;
        let earlier: Option<Earlier> = sqlx::query_as(
            "select fingerprint, status, body, tenant_id from idempotency where key = $1",
        )
        .bind(&key)
        .fetch_optional(&self.pool)
        .await?;
        Ok(Claim {
            store: self.clone(),
            key,
            earlier,
            _alone: alone,
        })
    }

    fn lock(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Keys that nobody holds any more are dropped here, so the map is as large as what is under way.
        running.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(running.entry(key.to_owned()).or_default())
    }
}

impl Claim {
    /// Whether the key has been answered, so that the operation must not run again.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        self.earlier.is_some()
    }

    /// The answer given before, when this is the same request.
    ///
    /// # Errors
    /// [`OpsError::IdempotencyMismatch`] when the key was used for another request.
    pub fn replay(&self, asked: Fingerprint) -> Result<Option<Kept>, OpsError> {
        match &self.earlier {
            Some(earlier) if earlier.fingerprint == asked.as_bytes() => {
                Ok(Some(earlier.answer.clone()))
            }
            Some(_) => Err(OpsError::IdempotencyMismatch),
            None => Ok(None),
        }
    }

    /// Records the answer, durably, before it is sent.
    ///
    /// The directory is asked between writing and committing, and the control database has one connection: a
    /// purge that forgets the tenant's answers was decided before, and is seen, or forgets this one, too.
    ///
    /// # Errors
    /// [`OpsError::Control`] when it cannot be recorded; the answer must then not be sent as final. The refusal
    /// `tenant_gone` when its tenant is being purged, or was.
    pub async fn keep(self, asked: Fingerprint, answer: &Kept) -> Result<(), OpsError> {
        let mut tx = self.store.pool.begin().await?;
        sqlx::query(
            "insert into idempotency (key, fingerprint, status, body, created, tenant_id)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (key) do nothing",
        )
        .bind(&self.key)
        .bind(asked.as_bytes().as_slice())
        .bind(answer.status)
        .bind(&answer.body)
        .bind(SystemClock.unix().get())
        .bind(answer.tenant_id)
        .execute(&mut *tx)
        .await?;
        if let Some(tenant) = answer.tenant_id
            && self.store.is_forgotten(tenant).await?
        {
            tx.rollback().await?;
            return Err(OpsError::part(Refusal::Gone));
        }
        tx.commit().await?;
        Ok(())
    }
}
