use std::{fmt, sync::Arc};

use futures_core::stream::BoxStream;
use futures_util::{StreamExt, future::BoxFuture, stream};
use tenancy_types::{LogEntry, Position, Route};
use tokio::sync::OnceCell;

use super::{ChangeSource, SourceSnapshot};
use crate::{Confirm, Error, RouteKey};

/// A source that is opened when it is first asked, and tried again each time until that succeeds. Clones share it.
///
/// A directory is asked for its format when it is opened, so it cannot be opened while it is away. A gateway must start
/// all the same, from its [folder](crate::SnapshotFolder) or a [peer](crate::Peer):
///
/// ```
/// use std::sync::Arc;
/// use futures_util::FutureExt;
/// use tenancy_cell_router::{ChangeSource, Error, Follower, LazySource, LineTable};
/// use tenancy_types::SystemClock;
///
/// fn follower<S: ChangeSource>(open: fn() -> Result<S, Error>) -> Follower<LazySource<S>, Arc<LineTable>, SystemClock> {
///     let source = LazySource::new(move || async move { open() }.boxed());
///     Follower::new(source, Arc::new(LineTable::new()), SystemClock)
/// }
/// ```
pub struct LazySource<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    open: Open<S>,
    opened: OnceCell<S>,
}

type Open<S> = Box<dyn Fn() -> Opening<S> + Send + Sync>;
type Opening<S> = BoxFuture<'static, Result<S, Error>>;

impl<S> LazySource<S> {
    /// A source that `open` opens. It must give up by itself when nobody answers.
    pub fn new(open: impl Fn() -> Opening<S> + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            open: Box::new(open),
            opened: OnceCell::new(),
        });
        Self { shared }
    }

    async fn source(&self) -> Result<&S, Error> {
        let Shared { open, opened } = &*self.shared;
        opened.get_or_try_init(open).await
    }
}

impl<S: ChangeSource> ChangeSource for LazySource<S> {
    async fn newest(&self) -> Result<Position, Error> {
        self.source().await?.newest().await
    }

    async fn snapshot(&self) -> Result<SourceSnapshot, Error> {
        self.source().await?.snapshot().await
    }

    /// Whoever follows has asked where the log ends, so the source is open.
    fn changes(&self, after: Position) -> BoxStream<'static, Result<LogEntry, Error>> {
        match self.shared.opened.get() {
            Some(source) => source.changes(after),
            None => stream::iter([Err(Error::directory("it was not opened yet"))]).boxed(),
        }
    }
}

/// Who cannot be opened cannot say anything.
impl<S: Confirm> Confirm for LazySource<S> {
    async fn confirm(&self, key: &RouteKey) -> Result<Option<Route>, Error> {
        self.source().await?.confirm(key).await
    }
}

impl<S> Clone for LazySource<S> {
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        Self { shared }
    }
}

impl<S> fmt::Debug for LazySource<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazySource")
            .field("is_open", &self.shared.opened.initialized())
            .finish_non_exhaustive()
    }
}
