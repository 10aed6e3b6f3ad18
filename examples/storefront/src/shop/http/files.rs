//! Files that are part of the program.

use axum::{
    extract::{Path, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use http::{
    HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};

use super::pictures::picture;
use crate::{
    pages::{STYLESHEET, stylesheet},
    shop::ShopError,
};

/// A path that cannot be read leads nowhere.
type FilePath<T> = Result<Path<T>, PathRejection>;

type File = ([(HeaderName, HeaderValue); 2], &'static str);

/// The stylesheet under the name that its content gives it; never changes.
pub(super) async fn asset(path: FilePath<String>) -> Result<File, ShopError> {
    let Some(Path(_)) = path.ok().filter(|Path(file)| file == stylesheet()) else {
        return Err(ShopError::NotFound { what: "file" });
    };
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/css; charset=utf-8"),
        ),
        (
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
    ];
    Ok((headers, STYLESHEET))
}

/// A picture of a demo shop.
pub(super) async fn demo(path: FilePath<(String, String)>) -> Result<Response, ShopError> {
    let picture = path
        .ok()
        .and_then(|Path((shop, file))| picture(&shop, &file));
    let picture = picture.ok_or(ShopError::NotFound { what: "file" })?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")),
        (
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=86400"),
        ),
        // A drawing may have a style of its own, and nothing else that is active.
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
        ),
    ];
    Ok((headers, picture).into_response())
}
