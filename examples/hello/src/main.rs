//! Two shops, one program: each host sees its own shop, and an unknown host sees nothing.
#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::{error::Error, num::NonZeroU16, time::Duration};

use axum::{Router, routing::get};
use tenancy_core::{
    HostEvidence, OpenToAll, ReadOnly, Resolver, TenantContext,
    directory::{CellRecord, Directory, MemoryDirectory, NewTenant, TenantChange},
    middleware::TenantLayer,
    types::{CellId, DomainName, Lifecycle, SystemClock, WorkBudget},
};

/// The context is proof that a tenant was found and let in; its type says that this handler only reads.
async fn home(tenant: TenantContext<ReadOnly>) -> String {
    let (tenant, epoch) = (tenant.tenant(), tenant.epoch());
    format!("this is tenant {tenant}, served at epoch {epoch}\n")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = MemoryDirectory::new(SystemClock);
    sign_up(&directory, "anna").await?;
    sign_up(&directory, "ben").await?;

    // Who may enter, and how much database work a request may cause, has no default.
    let budget = WorkBudget::new(NonZeroU16::MIN, Duration::from_secs(1));
    let resolver = Resolver::new().with(HostEvidence);
    let tenants = TenantLayer::new(directory, resolver, OpenToAll, move |_| budget);
    let app = Router::new().route("/", get(home)).layer(tenants);

    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8088".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

/// A tenant is made in one step and let in by another, so that nobody sees half of it.
async fn sign_up(directory: &MemoryDirectory, name: &str) -> Result<(), Box<dyn Error>> {
    let (cell, region) = (CellId::MAX, "eu".parse()?);
    let capacity = 10_000;
    directory
        .put_cell(CellRecord {
            cell,
            region,
            capacity,
        })
        .await?;
    let new = NewTenant {
        request: format!("sign-up-{name}").parse()?,
        slug: name.parse()?,
        plan: "basic".parse()?,
        region: None,
        domains: vec![DomainName::from_normalised(&format!("{name}.example"))?],
        cell,
    };
    let tenant = directory.create(new).await?;
    let open = TenantChange {
        lifecycle: Some(Lifecycle::Active),
        ..TenantChange::default()
    };
    directory.change(tenant.id, tenant.revision, open).await?;
    Ok(())
}
