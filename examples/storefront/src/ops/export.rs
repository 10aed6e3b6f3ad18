//! Everything of one shop, as a file to take along.

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use tokio_util::io::ReaderStream;

use super::{
    Ops, OpsError,
    tenants::{ShopName, asked, find},
};

/// Gives out all rows of a shop as they are at one moment: a tar of JSON lines, with checksums.
///
/// It is written to a file first, so a download of this length is whole. A shop that is suspended or leaving
/// is exported like any other.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/export", tag = "offboarding",
    params(("tenant" = String, Path, description = "number or slug")),
    responses(
        (status = 200, content_type = "application/x-tar", description = "the archive"),
        (status = 404, description = "not_found"),
        (status = 410, description = "tenant_gone: it is being purged"),
    )
)]
pub(super) async fn export(State(ops): State<Ops>, name: ShopName) -> Result<Response, OpsError> {
    let tenant = find(&ops, &asked(name)?).await?;
    let archive = ops.platform.export(&tenant).await?;
    let name = tenant
        .slug
        .as_ref()
        .map_or_else(|| tenant.id.to_string(), ToString::to_string);
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
        (header::CONTENT_LENGTH, archive.bytes.to_string()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.tar\""),
        ),
    ];
    let file = tokio::fs::File::from_std(archive.file);
    let body = Body::from_stream(ReaderStream::with_capacity(file, 64 * 1024));
    Ok((headers, body).into_response())
}
