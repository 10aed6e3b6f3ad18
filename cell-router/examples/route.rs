//! A process that answers for two cells: `cargo run -p tenancy-cell-router --example route`.

use std::{convert::Infallible, error::Error, future::ready};

use http::{Method, Request, Response};
use tenancy_cell_router::{CellTransport, Cells, ReferenceDraft, ReferenceTable, RouteTable};
use tenancy_types::{
    Answer, CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle, LogEntry,
    Lookup, Placement, Position, Revision, TenantId,
};
use tower::{ServiceExt, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let cell = |id| CellId::new(id).ok_or("a cell is numbered from 1 to 4095");
    let tenant = TenantId::new(1).ok_or("a tenant is numbered from 1")?;
    let shop = DomainName::from_normalised("shop.example.com")?;
    let home = Placement::new(cell(2)?, Lifecycle::Active, Epoch::FIRST);

    // A follower would do this, with a directory's snapshot and log.
    let table = ReferenceTable::new();
    let history = History {
        directory: DirectoryId::from_u128(1),
        incarnation: 0,
    };
    let mut revision = Revision::ZERO;
    table.replace(ReferenceDraft::default(), Position { history, revision });
    let mut tell = |event| {
        revision = revision.next();
        table.apply(&LogEntry { revision, event });
    };
    tell(DirectoryEvent::Placed {
        tenant,
        placement: home,
    });
    tell(DirectoryEvent::DomainAdded {
        domain: shop.clone(),
        tenant,
    });

    let service = |id: CellId| {
        service_fn(move |_: Request<()>| {
            ready(Ok::<_, Infallible>(Response::new(format!(
                "hello from {id}"
            ))))
        })
    };
    let cells: Cells<_> = [cell(1)?, cell(2)?]
        .map(|id| (id, service(id)))
        .into_iter()
        .collect();
    let transport = CellTransport::new(cells);

    let ask = async |method: Method, domain: &DomainName| {
        let Answer::Hit(route) = table.lookup(domain) else {
            return Ok(format!("{domain} leads nowhere"));
        };
        let mut request = Request::builder().method(method).body(())?;
        request.extensions_mut().insert(route.placement);
        let response = transport.clone().oneshot(request).await?;
        Ok::<_, Box<dyn Error>>(format!("{} {}", response.status(), response.body()))
    };
    say(ask(Method::GET, &shop).await?);
    say(ask(
        Method::GET,
        &DomainName::from_normalised("other.example.com")?,
    )
    .await?);

    tell(DirectoryEvent::Placed {
        tenant,
        placement: Placement {
            moving: true,
            ..home
        },
    });
    say(ask(Method::POST, &shop).await?);

    tell(DirectoryEvent::Placed {
        tenant,
        placement: Placement::new(cell(1)?, Lifecycle::Active, Epoch::FIRST.next()?),
    });
    say(ask(Method::POST, &shop).await?);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "it is what the example is for")]
fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
