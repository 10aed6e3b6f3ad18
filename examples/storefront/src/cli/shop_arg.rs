//! Which shop a command is for.

use clap::Args;

use super::{
    client::{Client, ClientError},
    values::TenantName,
};
use crate::ops::Shop;

/// The shop that a command is about.
#[derive(Debug, Args)]
pub(super) struct ShopArg {
    /// Number or slug of the shop
    #[arg(value_name = "SHOP")]
    name: TenantName,
}

/// The shop in which a command does something.
#[derive(Debug, Args)]
pub(super) struct ShopOption {
    /// Number or slug of the shop
    #[arg(long, value_name = "SHOP")]
    tenant: TenantName,
}

impl ShopArg {
    /// Its address in the API.
    pub(super) fn path(&self) -> String {
        path(&self.name)
    }

    /// The address of something of it.
    pub(super) fn path_of(&self, what: &str) -> String {
        format!("{}/{what}", self.path())
    }
}

impl ShopOption {
    /// The shop's address in the API.
    pub(super) fn path(&self) -> String {
        path(&self.tenant)
    }

    /// The address of something of the shop.
    pub(super) fn path_of(&self, what: &str) -> String {
        format!("{}/{what}", self.path())
    }
}

/// The address of a shop in the API.
pub(super) fn path(name: &TenantName) -> String {
    format!("/v1/tenants/{name}")
}

/// The number of a shop. One that is named by its number need not exist any more.
pub(super) async fn number(name: &TenantName, client: &Client) -> Result<u32, ClientError> {
    match name.to_string().parse() {
        Ok(number) => Ok(number),
        Err(_) => {
            let shop: Shop = client.get(&path(name)).await?.read()?;
            Ok(shop.tenant_id)
        }
    }
}
