use std::error::Error;

use serde::{Deserialize, Serialize};
use tenancy_migrate::ProvisionRequest;
use tenancy_types::{DomainName, PlanName, Region, Slug};

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
    /// Its currency.
    pub currency: Currency,
}

impl ShopRequest {
    /// What the new shop tells of itself: its slug as a name, until the merchant gives it another.
    #[must_use]
    pub fn shop(&self) -> Shop {
        let mut name = self.slug.as_str().replace('-', " ");
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Shop {
            name,
            currency: self.currency,
        }
    }
}

/// The form in which the journal keeps a request. A field that is added needs a default.
#[derive(Deserialize, Serialize)]
struct Journalled {
    slug: String,
    plan: String,
    domains: Vec<String>,
    region: Option<String>,
    currency: String,
}

impl ProvisionRequest for ShopRequest {
    fn to_text(&self) -> String {
        let journalled = Journalled {
            slug: self.slug.to_string(),
            plan: self.plan.to_string(),
            domains: self.domains.iter().map(ToString::to_string).collect(),
            region: self.region.as_ref().map(ToString::to_string),
            currency: self.currency.code().to_owned(),
        };
        serde_json::to_string(&journalled).expect("strings can be written as JSON")
    }

    fn from_text(text: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let journalled: Journalled = serde_json::from_str(text)?;
        let domains = journalled
            .domains
            .iter()
            .map(|domain| DomainName::from_normalised(domain));
        Ok(Self {
            slug: journalled.slug.parse()?,
            plan: journalled.plan.parse()?,
            domains: domains.collect::<Result<_, _>>()?,
            region: journalled.region.map(|region| region.parse()).transpose()?,
            currency: journalled.currency.parse()?,
        })
    }
}
