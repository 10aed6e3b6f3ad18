use tower_layer::Layer;

use super::{
    Compression,
    service::{Marking, Rule},
};

/// Below that an answer is in one packet anyway, and the encoded one may be larger.
const SMALLEST: u64 = 1024;
/// A compromise of time and size: on pages, one more takes a third more time for a hundredth less size.
const LEVEL: i32 = 5;

/// Encodes answers with brotli or gzip, whichever the client prefers.
///
/// Left as they are: answers that are encoded already, of types that do not shrink, small ones, streams of events, parts
/// (206), what says `no-transform`, and what carries a digest. Encoded ones get `Vary`, lose `Content-Length` and
/// `Accept-Ranges`, and their strong `ETag` becomes a weak one. The answer to HEAD tells no length where GET's would be
/// encoded. Bodies stay streams: what the cell has sent goes on when it pauses.
///
/// Whoever can put text into a page and see how long its encoded form is can guess what else is in it
/// (<https://www.breachattack.com>): do not send secrets in the same answer as a visitor's own words, or mask them anew
/// each time, or mark the answer `Cache-Control: no-transform`.
///
/// It stands between the edge and what answers.
///
/// ```
/// use tenancy_cell_router::CompressionLayer;
///
/// let layer = CompressionLayer::new();
/// ```
/// From 4 KiB on:
/// ```
/// use tenancy_cell_router::CompressionLayer;
///
/// let layer = CompressionLayer::new().with_smallest(4 * 1024);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CompressionLayer {
    smallest: u64,
}

impl CompressionLayer {
    /// Answers of 1 KiB and more, and those whose length is not known.
    #[must_use]
    pub fn new() -> Self {
        Self { smallest: SMALLEST }
    }

    /// Sets the length in bytes below which answers stay as they are.
    #[must_use]
    pub fn with_smallest(self, bytes: u64) -> Self {
        Self { smallest: bytes }
    }
}

impl Default for CompressionLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for CompressionLayer {
    type Service = Compression<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let rule = Rule {
            smallest: self.smallest,
        };
        let encoding = tower_http::compression::Compression::new(Marking { inner });
        Compression {
            encoding: encoding
                .quality(tower_http::CompressionLevel::Precise(LEVEL))
                .compress_when(rule),
            rule,
        }
    }
}
