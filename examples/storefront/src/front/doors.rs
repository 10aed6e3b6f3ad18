use std::{future::pending, net::SocketAddr};

use tenancy_cell_router::{Handover, Offer, Stop};
use tokio::{net::TcpListener, sync::watch};

use super::{Front, FrontError};

/// The sockets of a process: its visitors' and its operators'.
pub(crate) struct Doors {
    pub(crate) shops: TcpListener,
    pub(crate) operators: TcpListener,
    /// Whether another process had them before, which may still be draining.
    pub(crate) are_inherited: bool,
    /// For the next process, if there may be one.
    pub(crate) offer: Option<Offer>,
}

impl Doors {
    /// Takes the sockets over from the process that runs, which drains from then on. Those who connect wait until this
    /// one serves: two processes cannot have the data folder at a time.
    ///
    /// `None` when the process is not to be followed by others.
    pub(crate) async fn take_over(
        front: &Front,
        (shops, operators): (SocketAddr, SocketAddr),
    ) -> Result<Option<Self>, FrontError> {
        let Some(path) = &front.handover else {
            return Ok(None);
        };
        let mut takeover = Handover::at(path).take_over().await?;
        let are_inherited = takeover.is_restart();
        Ok(Some(Self {
            shops: takeover.listen(shops).await?,
            operators: takeover.listen(operators).await?,
            are_inherited,
            offer: Some(takeover.complete().await?),
        }))
    }

    pub(crate) async fn bind(shops: SocketAddr, operators: SocketAddr) -> Result<Self, FrontError> {
        Ok(Self {
            shops: listen(shops).await?,
            operators: listen(operators).await?,
            are_inherited: false,
            offer: None,
        })
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, FrontError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| FrontError::Listen { address, source })
}

/// Resolves when another process has the sockets, and never when this one is told to stop before that: then they are
/// closed.
pub(crate) async fn until_taken(offer: Option<Offer>, mut stop: watch::Receiver<Stop>) {
    if let Some(offer) = offer {
        tokio::select! {
            () = offer.taken() => return,
            _ = stop.wait_for(|stop| *stop >= Stop::Drain) => {}
        }
    }
    pending::<()>().await;
}
