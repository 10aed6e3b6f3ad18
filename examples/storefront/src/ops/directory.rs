//! The directory's log: how long it is, how far this process has followed it, and making it shorter.

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
};
use serde::{Deserialize, Serialize};
use tenancy_core::directory::{Directory, DirectoryError, Extent};
use tenancy_types::Revision;
use utoipa::ToSchema;

use super::{
    Ops, OpsError,
    routes::contact,
    tenants::{json, whole},
};

/// The directory's log.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct DirectoryLog {
    /// Which directory it is.
    pub directory: String,
    /// How often it was restored.
    pub incarnation: u16,
    /// Its last revision.
    pub newest: u64,
    /// Entries up to here are no longer in the log: who has not seen them all takes a snapshot.
    pub floor: u64,
    /// The most entries that it can have: there are holes where shops were forgotten.
    pub entries: u64,
    /// How far the routes of this process are.
    pub routes: RoutesLag,
}

/// How far routes have followed the directory.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct RoutesLag {
    /// Up to which revision; none while they were never filled.
    pub revision: Option<u64>,
    /// Whether they are in step: `never`, `live` or `lost`.
    pub contact: String,
    /// How many revisions they have not seen; none when they cannot follow the log and take a snapshot.
    pub behind: Option<u64>,
    /// How long ago the first of those was written.
    pub behind_seconds: Option<f64>,
    /// What the routes refuse at present, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// How much of the log is kept.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompactLog {
    /// The last so many revisions.
    pub keep: u64,
}

/// What a compaction did.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct CompactedLog {
    /// How many entries were removed.
    pub removed: u64,
    /// Entries up to here are no longer in the log.
    pub floor: u64,
}

/// Shows how long the log is, and how far this process has followed it.
#[utoipa::path(get, path = "/v1/directory", tag = "directory", responses((status = 200, body = DirectoryLog)))]
pub(super) async fn show(State(ops): State<Ops>) -> Result<Json<DirectoryLog>, OpsError> {
    let extent = ops.platform.directory().extent().await?;
    let status = ops.platform.site().routes_status();
    let lag = match status.position {
        None => None,
        Some(position) => match ops.platform.directory().lag(position).await {
            Ok(lag) => Some(lag),
            Err(DirectoryError::LogGap { .. }) => None,
            Err(error) => return Err(error.into()),
        },
    };
    let Extent { newest, floor } = extent;
    Ok(Json(DirectoryLog {
        directory: newest.history.directory.to_string(),
        incarnation: newest.history.incarnation,
        newest: newest.revision.get(),
        floor: floor.get(),
        entries: newest.revision.get() - floor.get(),
        routes: RoutesLag {
            revision: status.revision().map(Revision::get),
            contact: contact(status.contact).to_owned(),
            behind: lag.map(|lag| lag.revisions),
            behind_seconds: lag.map(|lag| lag.age.as_secs_f64()),
            refused: status.refused.map(|refusal| refusal.to_string()),
        },
    }))
}

/// Removes all but the last revisions from the log, a batch at a time. Repeated, it removes nothing more.
#[utoipa::path(
    post, path = "/v1/directory/compact", tag = "directory", request_body = CompactLog,
    responses((status = 200, body = CompactedLog), (status = 400, description = "invalid_request"))
)]
pub(super) async fn compact(
    State(ops): State<Ops>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<CompactedLog>, OpsError> {
    let CompactLog { keep } = json(&whole(body)?)?;
    let removed = ops.platform.site().compact_log(keep).await?;
    let floor = ops.platform.directory().extent().await?.floor.get();
    Ok(Json(CompactedLog { removed, floor }))
}
