//! Makes a tenant, dies on the way, and goes on from where it was.
//!
//! The acts print what they do instead of doing it; an application does them in its directory and its cells.
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::{
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
};

use tenancy_migrate::{
    ActError, Home, MemoryJournal, ProvisionRequest, Provisioner, Provisioning, RequestKey,
};
use tenancy_types::{CellId, Epoch, Lifecycle, Placement, SystemClock, TenantId};

type BoxError = Box<dyn Error + Send + Sync>;

struct Shop {
    slug: String,
}

impl ProvisionRequest for Shop {
    fn to_text(&self) -> String {
        self.slug.clone()
    }

    fn from_text(slug: &str) -> Result<Self, BoxError> {
        let slug = slug.into();
        Ok(Self { slug })
    }
}

/// A platform whose cell is down at first.
#[derive(Default)]
struct Platform {
    cell_is_up: AtomicBool,
}

impl Provisioner for Platform {
    type Request = Shop;

    async fn create(&self, key: &RequestKey, shop: &Shop) -> Result<Home, ActError> {
        println!("  directory: {} for request {key}", shop.slug);
        let tenant = TenantId::new(1).ok_or_else(|| BoxError::from("ids start at 1"))?;
        let placement = placement(Lifecycle::Provisioning, Epoch::FIRST)?;
        Ok(Home { tenant, placement })
    }

    async fn fence(&self, home: Home) -> Result<(), BoxError> {
        if !self.cell_is_up.load(Ordering::Relaxed) {
            return Err("the cell does not answer".into());
        }
        println!(
            "  cell: fence of {:?} at {}",
            home.tenant, home.placement.epoch
        );
        Ok(())
    }

    async fn seed(&self, shop: &Shop, _: Home) -> Result<(), ActError> {
        println!("  cell: settings and welcome page of {}", shop.slug);
        Ok(())
    }

    async fn publish(&self, home: Home) -> Result<Placement, BoxError> {
        println!("  directory: active");
        placement(Lifecycle::Active, home.placement.epoch.next()?)
    }

    async fn open(&self, home: Home) -> Result<(), BoxError> {
        println!("  cell: fence at {}", home.placement.epoch);
        Ok(())
    }

    async fn retract(&self, home: Home) -> Result<Placement, BoxError> {
        println!("  directory: gone");
        placement(Lifecycle::Gone, home.placement.epoch.next()?)
    }

    async fn clear(&self, _: Home) -> Result<(), BoxError> {
        println!("  cell: rows deleted");
        Ok(())
    }
}

fn placement(lifecycle: Lifecycle, epoch: Epoch) -> Result<Placement, BoxError> {
    let cell = CellId::new(1).ok_or("cells start at 1")?;
    Ok(Placement::new(cell, lifecycle, epoch))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let provisioning =
        Provisioning::new(Platform::default(), MemoryJournal::default(), SystemClock);
    let key: RequestKey = "request-1".parse()?;
    let shop = Shop {
        slug: "garden".into(),
    };

    println!("The cell is down:");
    if let Err(error) = provisioning.provision(&key, &shop).await {
        println!("  {error}");
    }

    println!("The cell is up, and whatever is unfinished goes on:");
    provisioning
        .provisioner()
        .cell_is_up
        .store(true, Ordering::Relaxed);
    for home in provisioning.resume_all().await?.ready {
        println!("  {:?} is ready: {:?}", home.tenant, home.placement);
    }

    println!("The client repeats its request, and nothing is done again:");
    let home = provisioning.provision(&key, &shop).await?;
    println!("  {:?} is ready: {:?}", home.tenant, home.placement);
    Ok(())
}
