use futures_util::future::BoxFuture;
use tenancy_types::Position;

use crate::{Error, SourceSnapshot};

/// Another process that has routes: for a process that starts while the directory is away.
pub trait Peer: Send + Sync + 'static {
    /// What the peer knows, or `None` when that is nothing newer than `known`. Must give up by itself when the peer does
    /// not answer, while facts are read, too.
    fn fetch(
        &self,
        known: Option<Position>,
    ) -> BoxFuture<'_, Result<Option<SourceSnapshot>, Error>>;
}

impl<P: Peer + ?Sized> Peer for Box<P> {
    fn fetch(
        &self,
        known: Option<Position>,
    ) -> BoxFuture<'_, Result<Option<SourceSnapshot>, Error>> {
        (**self).fetch(known)
    }
}
