use std::{
    convert::Infallible,
    fs::File,
    io,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use tenancy_types::Position;
use tokio::task::spawn_blocking;
use tower_service::Service;

use super::{SnapshotBody, tag};
use crate::{Progress, SnapshotFolder};

/// Serves the routes of this process to [peers](super::HttpPeer): a tower service for an internal listener.
///
/// It answers from the follower's folder, so the table itself is not touched. 503 while there is nothing in it or the
/// directory is [frozen](crate::Refusal::Frozen), 405 to anything but `GET` and `HEAD`.
///
/// ```
/// use tenancy_cell_router::{ChangeSource, Follower, ReferenceTable, SnapshotFolder, SnapshotService};
/// use tenancy_types::SystemClock;
///
/// # fn example(directory: impl ChangeSource) {
/// let folder = SnapshotFolder::new("data/routes");
/// let follower = Follower::new(directory, ReferenceTable::new(), SystemClock).with_folder(folder.clone());
/// let service = SnapshotService::new(folder, follower.progress());
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SnapshotService {
    folder: SnapshotFolder,
    progress: Progress,
}

impl SnapshotService {
    /// Serves what a follower keeps in its folder.
    #[must_use]
    pub fn new(folder: SnapshotFolder, progress: Progress) -> Self {
        Self { folder, progress }
    }

    /// Opens the files of one moment. They stay whole while they are read, also when the follower removes them.
    fn open(&self) -> io::Result<Option<(Position, SnapshotBody)>> {
        let Some(chain) = self.progress.chain() else {
            return Ok(None);
        };
        let files = chain.files().map(|(name, bytes)| {
            let file = File::open(self.folder.path().join(name))?;
            Ok((file, bytes))
        });
        let files = files.collect::<io::Result<_>>()?;
        Ok(Some((chain.position, SnapshotBody::files(files))))
    }

    fn answer(&self, known: Option<&HeaderValue>) -> io::Result<Response<SnapshotBody>> {
        // The follower may remove a file between being asked for it and its being opened.
        let opened = self.open().or_else(|_| self.open())?;
        let Some((position, body)) = opened else {
            return Ok(refuse(StatusCode::SERVICE_UNAVAILABLE));
        };
        let tag = tag::write(position);
        let is_known = known == Some(&tag);
        let (status, body) = if is_known {
            (StatusCode::NOT_MODIFIED, SnapshotBody::empty())
        } else {
            (StatusCode::OK, body)
        };
        let octets = HeaderValue::from_static("application/octet-stream");
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, octets);
        response.headers_mut().insert(header::ETAG, tag);
        Ok(response)
    }
}

fn refuse(status: StatusCode) -> Response<SnapshotBody> {
    let mut response = Response::new(SnapshotBody::empty());
    *response.status_mut() = status;
    let (name, value) = match status {
        StatusCode::METHOD_NOT_ALLOWED => (header::ALLOW, "GET, HEAD"),
        _ => (header::RETRY_AFTER, "1"),
    };
    let value = HeaderValue::from_static(value);
    response.headers_mut().insert(name, value);
    response
}

impl<B> Service<Request<B>> for SnapshotService {
    type Response = Response<SnapshotBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Box::pin(async { Ok(refuse(StatusCode::METHOD_NOT_ALLOWED)) });
        }
        let known = request.headers().get(header::IF_NONE_MATCH).cloned();
        let service = self.clone();
        Box::pin(async move {
            let answer = spawn_blocking(move || service.answer(known.as_ref()));
            let answer = answer
                .await
                .map_err(io::Error::other)
                .and_then(|answer| answer);
            Ok(answer.unwrap_or_else(|error| {
                tracing::error!(%error, "route files cannot be served");
                refuse(StatusCode::SERVICE_UNAVAILABLE)
            }))
        })
    }
}
