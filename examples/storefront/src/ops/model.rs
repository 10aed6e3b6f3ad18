//! The JSON of the operator API.

use serde::{Deserialize, Serialize};
use tenancy_core::directory::{CellLoad, Tenant};
use utoipa::{IntoParams, ToSchema};

/// A shop to be made.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShop {
    /// Short name, also the label below the platform's domain: `[a-z0-9](-?[a-z0-9])*`, at most 63.
    pub slug: String,
    /// Name of the plan.
    pub plan: String,
    /// Domains of the merchant's own.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Region in which the shop's data must stay; without it, any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// ISO 4217 code of the shop's currency; without it, EUR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// What to change of a shop: what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShopPatch {
    /// `active` or `suspended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<PatchLifecycle>,
    /// Name of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Domains that shall lead to the shop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_domains: Vec<String>,
    /// Domains that shall no longer lead to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_domains: Vec<String>,
}

/// The lifecycles that a patch can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PatchLifecycle {
    /// Served.
    Active,
    /// Not served; everything is kept.
    Suspended,
}

/// A shop as operators see it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Shop {
    /// Its number, never reused.
    pub tenant_id: u32,
    /// Its short name; none once it is gone.
    pub slug: Option<String>,
    /// Its plan.
    pub plan: String,
    /// The cell that serves it, like `cell-1`.
    pub cell: String,
    /// Who owns it in the order of changes, like `0.7`.
    pub epoch: String,
    /// Where it is in its life.
    pub lifecycle: String,
    /// The region in which its data must stay.
    pub region: Option<String>,
    /// Its own domains.
    pub domains: Vec<String>,
    /// Where it can be visited.
    pub urls: Vec<String>,
    /// How long it took to make it, in milliseconds; only in the answer to its making.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioned_ms: Option<u64>,
    /// Until when it can be kept from its purge, when it is leaving: microseconds since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge_after: Option<i64>,
}

impl Shop {
    /// The shop of a directory's row, visited below this platform domain and port.
    #[must_use]
    pub fn new(tenant: &Tenant, visit: &Visit) -> Self {
        let slug = tenant.slug.as_ref().map(|slug| slug.as_str().to_owned());
        let below = slug
            .iter()
            .map(|slug| format!("{slug}.{}", visit.platform_domain));
        let own = tenant
            .domains
            .iter()
            .map(|domain| domain.as_str().to_owned());
        Self {
            tenant_id: tenant.id.get(),
            plan: tenant.plan.as_str().to_owned(),
            cell: tenant.placement.cell.to_string(),
            epoch: tenant.placement.epoch.to_string(),
            lifecycle: tenant.placement.lifecycle.as_str().to_owned(),
            region: tenant
                .region
                .as_ref()
                .map(|region| region.as_str().to_owned()),
            urls: below
                .chain(own.clone())
                .map(|host| visit.url(&host))
                .collect(),
            domains: own.collect(),
            slug,
            provisioned_ms: None,
            purge_after: None,
        }
    }
}

/// How the shops' listener is reached.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The domain below which shops have their names.
    pub platform_domain: String,
    /// What is spoken there: `http` or `https`.
    pub scheme: &'static str,
    /// The listener's port.
    pub port: u16,
}

impl Visit {
    /// The address of a host on the shops' listener.
    #[must_use]
    pub fn url(&self, host: &str) -> String {
        match (self.scheme, self.port) {
            (scheme @ "http", 80) | (scheme @ "https", 443) => format!("{scheme}://{host}"),
            (scheme, port) => format!("{scheme}://{host}:{port}"),
        }
    }
}

/// A page of shops in the order of their numbers.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Shops {
    /// The shops.
    pub tenants: Vec<Shop>,
    /// Pass it as `after` for the next page; none on the last.
    pub next: Option<u32>,
}

/// Which page of shops.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many at most: 1 to 1000, without it 100.
    pub limit: Option<u16>,
    /// Only shops with a greater number.
    pub after: Option<u32>,
}

/// A cell and how full it is.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct CellView {
    /// Its name, like `cell-1`.
    pub cell: String,
    /// Where it stands.
    pub region: String,
    /// How many shops live there.
    pub tenants: u32,
    /// How many it can take.
    pub capacity: u32,
}

impl From<&CellLoad> for CellView {
    fn from(load: &CellLoad) -> Self {
        Self {
            cell: load.record.cell.to_string(),
            region: load.record.region.to_string(),
            tenants: load.tenants,
            capacity: load.record.capacity,
        }
    }
}

/// All cells.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Cells {
    /// The cells in the order of their names.
    pub cells: Vec<CellView>,
}

/// How an import is run.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// Whether to only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// The shop that is made of an archive; what is left out is as the archive says.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ArchiveQuery {
    /// Its short name.
    pub slug: Option<String>,
    /// Name of its plan.
    pub plan: Option<String>,
    /// Number of the cell that shall take it; without it, one is chosen.
    pub cell: Option<u16>,
    /// Region in which its data must stay.
    pub region: Option<String>,
}

/// What confirms that this shop's data is to be replaced.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReplaceQuery {
    /// The shop's slug.
    pub confirm: String,
}
