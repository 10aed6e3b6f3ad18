//! Every act of an operator leaves an entry in the audit log, whichever handler does it.

use std::num::NonZeroU16;

use axum::{
    Extension, Json,
    extract::{
        MatchedPath, Query, RawPathParams, Request, State,
        rejection::{QueryRejection, RawPathParamsRejection},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tenancy_core::directory::Directory;
use tenancy_types::TenantId;
use tracing::Instrument;
use utoipa::{IntoParams, ToSchema};

use super::{Ops, OpsError, auth::Operator};
use crate::platform::{Act, Entry, EntryPage, Outcome, finished};

/// What a handler adds to the entry of its act: an extension of its response. Numbers and words of ours only.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted {
    /// The tenant, when the path could not name it.
    pub(super) tenant: Option<TenantId>,
    /// Words and numbers; may be empty.
    pub(super) detail: String,
}

/// Records requests that change something, or take a tenant's data out: all but those whose method is safe.
///
/// An act that was begun is done to its end, also when its operator goes away: the entry then says what came
/// of it.
pub(super) async fn record(
    State(ops): State<Ops>,
    Extension(operator): Extension<Operator>,
    (path, parameters): (MatchedPath, Result<RawPathParams, RawPathParamsRejection>),
    request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let (tenant, detail) = match parameters {
        Ok(parameters) => subject(&ops, &parameters).await,
        Err(_) => (None, String::new()),
    };
    let act = Act {
        operator: operator.name().to_owned(),
        action: format!("{} {}", request.method(), path.as_str()),
        tenant,
        detail,
    };
    finished(recorded(ops, act, request, next).in_current_span()).await
}

async fn recorded(ops: Ops, act: Act, request: Request, next: Next) -> Response {
    let log = ops.platform.audit();
    let begun = match log.begin(act).await {
        Ok(begun) => begun,
        Err(error) => return OpsError::from(error).into_response(),
    };
    let mut response = next.run(request).await;
    let noted: Noted = response.extensions_mut().remove().unwrap_or_default();
    let outcome = Outcome {
        status: response.status().as_u16(),
        tenant: noted.tenant,
        detail: noted.detail,
    };
    if let Err(error) = log.end(begun, outcome).await {
        tracing::error!(%error, ?begun, "the outcome of an act is not in the audit log");
    }
    response
}

/// The tenant that a path names, and its other numbers. Names that merchants gave are left out.
async fn subject(ops: &Ops, parameters: &RawPathParams) -> (Option<TenantId>, String) {
    let (mut tenant, mut detail) = (None, Vec::new());
    for (key, value) in parameters {
        if key == "tenant" {
            tenant = number_of(ops, value).await;
        } else if let Ok(number) = value.parse::<i64>() {
            detail.push(format!("{key}={number}"));
        }
    }
    (tenant, detail.join(" "))
}

async fn number_of(ops: &Ops, name: &str) -> Option<TenantId> {
    if let Ok(id) = name.parse() {
        return Some(id);
    }
    let found = ops.platform.directory().by_slug(&name.parse().ok()?).await;
    found.ok()?.map(|tenant| tenant.id)
}

/// An entry of the audit log.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its number, in the order in which acts began.
    pub seq: i64,
    /// When it began: microseconds since 1970 UTC.
    pub at: i64,
    /// Who did it: `operator-` and a piece of the token's hash, or `platform`.
    pub operator: String,
    /// What was done: a method and the pattern of a path.
    pub action: String,
    /// To which tenant.
    pub tenant_id: Option<i64>,
    /// What else is known; may be empty.
    pub detail: String,
    /// The status of the answer; none when the process ended before it knew.
    pub status: Option<i64>,
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at,
            operator: entry.operator,
            action: entry.action,
            tenant_id: entry.tenant_id,
            detail: entry.detail,
            status: entry.status,
        }
    }
}

/// A page of the audit log.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct AuditEntries {
    /// The entries, oldest first.
    pub entries: Vec<AuditEntry>,
    /// Pass it as `after` for the next page; none on the last.
    pub next: Option<i64>,
}

/// Which page of the audit log.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only entries of the tenant with this number.
    pub tenant: Option<u32>,
    /// Only entries with a greater number.
    pub after: Option<i64>,
    /// How many at most: 1 to 1000, without it 100.
    pub limit: Option<u16>,
}

/// Lists what was done, oldest first. It outlives the shops it tells of.
#[utoipa::path(
    get, path = "/v1/audit", params(AuditQuery), tag = "audit",
    responses((status = 200, body = AuditEntries), (status = 400, description = "invalid_request"))
)]
pub(super) async fn list(
    State(ops): State<Ops>,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Result<Json<AuditEntries>, OpsError> {
    let Query(query) = query.map_err(|error| OpsError::invalid(error.body_text()))?;
    let limit = super::limit(query.limit)?;
    let tenant = query.tenant.map(|number| {
        TenantId::new(number).ok_or_else(|| OpsError::invalid("tenant is a number from 1"))
    });
    let page = EntryPage {
        tenant: tenant.transpose()?,
        after: query.after.unwrap_or(0),
        limit,
    };
    let entries = ops.platform.audit().entries(page).await?;
    let full = entries.len() == usize::from(NonZeroU16::get(limit));
    Ok(Json(AuditEntries {
        next: entries.last().filter(|_| full).map(|entry| entry.seq),
        entries: entries.into_iter().map(AuditEntry::from).collect(),
    }))
}
