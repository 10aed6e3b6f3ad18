use std::error::Error;

use serde::{Deserialize, Serialize};
use tenancy_migrate::ProvisionRequest;
use tenancy_types::{CellId, DomainName, PlanName, Region, Slug};

use super::ArchiveName;
use crate::{money::Currency, shop::Shop};

/// A shop to be made, checked: every name is one that a shop may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopRequest {
    /// Its short name.
    pub slug: Slug,
    /// Its plan.
    pub plan: PlanName,
    /// Its own domains.
    pub domains: Vec<DomainName>,
    /// Where its data must stay.
    pub region: Option<Region>,
    /// The cell that shall take it; without it, one is chosen.
    pub cell: Option<CellId>,
    /// What it starts with.
    pub start: ShopStart,
}

/// What a new shop has when it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShopStart {
    /// Nothing but a currency.
    Empty(Currency),
    /// The rows of another shop, from an archive that the platform keeps until they are loaded.
    Archive(ArchiveName),
}

impl ShopRequest {
    /// What an empty shop tells of itself: its slug as a name, until the merchant gives it another.
    #[must_use]
    pub fn shop(&self, currency: Currency) -> Shop {
        let mut name = self.slug.as_str().replace('-', " ");
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Shop { name, currency }
    }
}

/// The form in which the journal keeps a request. A field that is added needs a default.
#[derive(Deserialize, Serialize)]
struct Journalled {
    slug: String,
    plan: String,
    domains: Vec<String>,
    region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cell: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    archive: Option<String>,
}

impl ProvisionRequest for ShopRequest {
    fn to_text(&self) -> String {
        let (currency, archive) = match &self.start {
            ShopStart::Empty(currency) => (Some(currency.code().to_owned()), None),
            ShopStart::Archive(name) => (None, Some(name.to_string())),
        };
        let journalled = Journalled {
            slug: self.slug.to_string(),
            plan: self.plan.to_string(),
            domains: self.domains.iter().map(ToString::to_string).collect(),
            region: self.region.as_ref().map(ToString::to_string),
            currency,
            cell: self.cell.as_ref().map(ToString::to_string),
            archive,
        };
        serde_json::to_string(&journalled).expect("strings can be written as JSON")
    }

    fn from_text(text: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let journalled: Journalled = serde_json::from_str(text)?;
        let domains = journalled
            .domains
            .iter()
            .map(|domain| DomainName::from_normalised(domain));
        let start = match (journalled.archive, journalled.currency) {
            (Some(name), _) => ShopStart::Archive(name.parse()?),
            (None, Some(currency)) => ShopStart::Empty(currency.parse()?),
            (None, None) => return Err("the request says nothing of what the shop has".into()),
        };
        Ok(Self {
            slug: journalled.slug.parse()?,
            plan: journalled.plan.parse()?,
            domains: domains.collect::<Result<_, _>>()?,
            region: journalled.region.map(|region| region.parse()).transpose()?,
            cell: journalled.cell.map(|cell| cell.parse()).transpose()?,
            start,
        })
    }
}
