//! Two shops to look at, with products of our own making.

use std::{
    fs::{self, File},
    io,
    num::NonZeroU16,
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::Request;
use tenancy_core::directory::{Directory, DirectoryError, Page};
use tenancy_types::{Slug, TenantId};

use crate::{
    import::Limits,
    ops::OpsError,
    platform::{AwayCell, Platform, ShopRequest, ShopStart},
    shop::{self, ImportError, ImportMode},
};

/// A demo shop: its slug, currency and product file.
struct DemoShop {
    slug: &'static str,
    currency: &'static str,
    products: &'static str,
}

const SHOPS: [DemoShop; 2] = [
    DemoShop {
        slug: "kiln",
        currency: "EUR",
        products: include_str!("../demo/kiln.csv"),
    },
    DemoShop {
        slug: "yama",
        currency: "JPY",
        products: include_str!("../demo/yama.csv"),
    },
];

/// Why the demo shops could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// A shop could not be made.
    #[error(transparent)]
    Make(#[from] OpsError),
    /// A shop's products could not be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The note that they are unfinished could not be made or removed.
    #[error("note in the data folder that the demo shops are unfinished")]
    Note(#[from] io::Error),
    /// The directory could not be read.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// Makes the demo shops on a platform that has no shop, and finishes them when a crash came in between.
/// Later starts leave them alone, whatever has become of them.
///
/// # Errors
/// [`DemoError`].
pub async fn make_shops(platform: &Platform) -> Result<(), DemoError> {
    let unfinished = platform.config().data.join("demo.unfinished");
    let any = platform
        .directory()
        .tenants(Page::first(NonZeroU16::MIN))
        .await?;
    if any.is_empty() {
        File::create(&unfinished)?;
    }
    if unfinished.try_exists()? {
        let [first, second] = &SHOPS;
        tokio::try_join!(make(platform, first), make(platform, second))?;
        fs::remove_file(&unfinished)?;
    }
    Ok(())
}

async fn make(platform: &Platform, demo: &DemoShop) -> Result<(), DemoError> {
    let (_, plan) = platform
        .config()
        .plans
        .iter()
        .next()
        .expect("a set of plans is never empty");
    let request = ShopRequest {
        slug: demo.slug.parse().expect("the demo slugs are slugs"),
        plan: plan.name.clone(),
        domains: Vec::new(),
        region: None,
        cell: None,
        start: ShopStart::Empty(
            demo.currency
                .parse()
                .expect("the demo currencies are currencies"),
        ),
    };
    // The key makes it the same shop when a start has to finish what another began.
    let tenant = platform
        .provision(&format!("demo-{}", demo.slug), &request)
        .await?;
    if let Some(away) = platform.away(tenant.placement.cell) {
        return fill(&away, tenant.id, demo).await;
    }
    let site = platform.site();
    let context = site
        .enter(tenant.id, "fill a demo shop")
        .and_then(|admitted| admitted.read_write());
    let context = context.map_err(OpsError::part)?;
    let cell = site
        .cell(context.placement().cell)
        .ok_or(OpsError::CellAway)?;
    let file = stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(
        demo.products.as_bytes(),
    ))]);
    let report = shop::import(cell, &context, Limits::default(), ImportMode::Apply, file).await?;
    tracing::info!(
        slug = demo.slug,
        created = report.created,
        unchanged = report.unchanged,
        "demo shop ready"
    );
    Ok(())
}

/// Imports the products of a shop whose cell another process serves.
async fn fill(cell: &AwayCell, tenant: TenantId, demo: &DemoShop) -> Result<(), DemoError> {
    let request = Request::post(format!("/v1/tenants/{tenant}/import"));
    let request = request.body(Body::from(demo.products));
    let answer = cell
        .forward(request.expect("a number can be in a path"))
        .await?;
    if !answer.status().is_success() {
        return Err(OpsError::CellAway.into());
    }
    tracing::info!(slug = demo.slug, "demo shop ready");
    Ok(())
}

/// The slugs of the demo shops that are there.
///
/// # Errors
/// When the directory cannot be read.
pub async fn present(platform: &Platform) -> Result<Vec<Slug>, DemoError> {
    let mut present = Vec::new();
    for demo in &SHOPS {
        let slug = demo.slug.parse().expect("the demo slugs are slugs");
        if platform.directory().by_slug(&slug).await?.is_some() {
            present.push(slug);
        }
    }
    Ok(present)
}
