//! Everything of one shop, as a file to take along.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream::poll_fn};
use http::header;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::io::ReaderStream;

use super::{
    OpsError, ShopOps,
    tenants::{ShopName, asked},
};

/// How much of an archive is read at once.
const CHUNK: usize = 64 * 1024;

/// The longest that a client takes nothing.
const PAUSE: Duration = Duration::from_secs(60);

/// Gives out all rows of a shop as they are at one moment: a tar of JSON lines, with checksums.
///
/// It is written to a file first, so a download of this length is whole; one that stands still for a minute is
/// ended. A shop that is suspended or leaving
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
pub(super) async fn export(
    State(ops): State<ShopOps>,
    name: ShopName,
) -> Result<Response, OpsError> {
    let tenant = ops.find(&asked(name)?).await?;
    let archive = ops.site.export(&tenant).await?;
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
    Ok((headers, download(archive.file)).into_response())
}

/// The file's bytes, as the client takes them.
fn download(file: std::fs::File) -> Body {
    let (sender, mut receiver) = mpsc::channel(1);
    tokio::spawn(feed(file, sender, PAUSE));
    Body::from_stream(poll_fn(move |context| receiver.poll_recv(context)))
}

/// Reads the file for a client. One that takes nothing for so long gets no more, and the file, which has no
/// name, is gone: it must not fill the disk for as long as somebody keeps a connection.
async fn feed(file: std::fs::File, client: mpsc::Sender<io::Result<Bytes>>, pause: Duration) {
    let file = tokio::fs::File::from_std(file);
    let mut chunks = ReaderStream::with_capacity(file, CHUNK);
    while let Some(chunk) = chunks.next().await {
        match timeout(pause, client.send(chunk)).await {
            Ok(Ok(())) => {}
            // The client has gone away.
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::warn!("a download of an export stood still and was ended");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    fn file(chunks: usize) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; chunks * CHUNK]).unwrap();
        file.rewind().unwrap();
        file
    }

    async fn length(mut receiver: mpsc::Receiver<io::Result<Bytes>>) -> usize {
        let mut length = 0;
        while let Some(chunk) = receiver.recv().await {
            length += chunk.unwrap().len();
        }
        length
    }

    #[tokio::test]
    async fn a_download_that_stands_still_is_ended() {
        let (sender, receiver) = mpsc::channel(1);
        feed(file(8), sender, Duration::ZERO).await;
        let arrived = length(receiver).await;
        assert!((1..=CHUNK).contains(&arrived), "{arrived}");
        let (sender, receiver) = mpsc::channel(1);
        let ((), arrived) = tokio::join!(feed(file(8), sender, PAUSE), length(receiver));
        assert_eq!(arrived, 8 * CHUNK, "one that goes on is not");
    }
}
