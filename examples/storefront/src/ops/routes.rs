//! How this process finds the shop of a host: its route table, looked into.

use axum::{
    Json,
    extract::{Query, State},
};
use serde::{Deserialize, Serialize};
use tenancy_cell_router::{Contact, Explained, Finding, NameProbe};
use tenancy_core::authority::Host;
use tenancy_types::{Answer, Clock, SystemClock};
use utoipa::{IntoParams, ToSchema};

use super::{Ops, OpsError};

/// What to look for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RoutesQuery {
    /// A host as a request would name it, like `acme.localhost:8080`.
    pub host: Option<String>,
}

/// The route table of this process.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Routes {
    /// Where the host leads, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostRoute>,
    /// Up to which revision the table has followed the directory; none while it was never filled.
    pub revision: Option<u64>,
    /// How often the directory was restored.
    pub incarnation: Option<u16>,
    /// Whether the table hears of changes: `never`, `live` or `lost`.
    pub contact: String,
    /// For how long it has not.
    pub age_seconds: Option<f64>,
    /// Shops with a placement, those that are gone included.
    pub tenants: usize,
    /// Domains and slugs that lead to one.
    pub names: usize,
    /// Bytes of lines, placements and revisions.
    pub bytes: usize,
    /// The part of the slots that is in use.
    pub load: f64,
    /// How many generations the table has shown.
    pub generation: u64,
}

/// Where a host leads, and how that was found.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct HostRoute {
    /// The host in its normal form.
    pub host: String,
    /// Whose it is.
    pub tenant: Option<u32>,
    /// The shop's cell.
    pub cell: Option<String>,
    /// Where the shop is in its life.
    pub lifecycle: Option<String>,
    /// Whether it is moving.
    pub moving: Option<bool>,
    /// Who owns it.
    pub epoch: Option<String>,
    /// What was looked for, in this order.
    pub probes: Vec<RouteProbe>,
}

/// A name that was looked for.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct RouteProbe {
    /// A domain, a pattern, or a slug.
    pub name: String,
    /// What was found: `tenant`, `removed` or `unknown`.
    pub finding: String,
    /// How many lines of the table were read.
    pub lines: usize,
}

/// Shows the route table of this process, and where a host leads.
#[utoipa::path(
    get, path = "/debug/routes", tag = "routes", params(RoutesQuery),
    responses((status = 200, body = Routes), (status = 400, description = "the host is none"))
)]
pub(super) async fn show(
    State(ops): State<Ops>,
    Query(query): Query<RoutesQuery>,
) -> Result<Json<Routes>, OpsError> {
    let host = query.host.map(|host| explain(&ops, &host)).transpose()?;
    let table = ops.platform.site().routes();
    let state = table.explain("");
    let status = ops.platform.site().routes_status();
    let age = status.age(SystemClock.now());
    Ok(Json(Routes {
        host,
        revision: state.position.map(|position| position.revision.get()),
        incarnation: state.position.map(|position| position.history.incarnation),
        contact: contact(status.contact).to_owned(),
        age_seconds: age.map(|age| age.as_secs_f64()),
        tenants: state.size.tenants,
        names: state.size.names,
        bytes: table.memory(),
        load: state.load,
        generation: state.generation,
    }))
}

pub(super) fn contact(contact: Contact) -> &'static str {
    match contact {
        Contact::Never => "never",
        Contact::Live => "live",
        Contact::Lost { .. } => "lost",
    }
}

/// As a visitor's request is resolved: by the label below the platform's domain and by the whole name.
fn explain(ops: &Ops, asked: &str) -> Result<HostRoute, OpsError> {
    let authority: tenancy_core::Authority = asked
        .parse()
        .map_err(|error| OpsError::invalid(format!("host: {error}")))?;
    let table = ops.platform.site().routes();
    let mut explained = Vec::new();
    if let Host::Name(name) = authority.host() {
        let slug = name.label_below(&ops.platform.config().platform_domain);
        explained.extend(slug.map(|slug| table.explain_slug(slug)));
        explained.push(table.explain(name.as_str()));
    }
    Ok(HostRoute::new(authority.host().to_string(), &explained))
}

impl HostRoute {
    fn new(host: String, explained: &[Explained]) -> Self {
        let route = explained.iter().find_map(|one| match one.answer {
            Answer::Hit(route) => Some(route),
            Answer::Absent | Answer::NotReady => None,
        });
        let placement = route.map(|route| route.placement);
        Self {
            host,
            tenant: route.map(|route| route.tenant.get()),
            cell: placement.map(|placement| placement.cell.to_string()),
            lifecycle: placement.map(|placement| placement.lifecycle.to_string()),
            moving: placement.map(|placement| placement.moving),
            epoch: placement.map(|placement| placement.epoch.to_string()),
            probes: (explained.iter())
                .flat_map(|one| &one.probes)
                .map(RouteProbe::from)
                .collect(),
        }
    }
}

impl From<&NameProbe> for RouteProbe {
    fn from(probe: &NameProbe) -> Self {
        let finding = match probe.finding {
            Finding::Tenant(_) => "tenant",
            Finding::Removed => "removed",
            Finding::Unknown => "unknown",
        };
        Self {
            name: probe.name.to_string(),
            finding: finding.to_owned(),
            lines: probe.lines,
        }
    }
}
