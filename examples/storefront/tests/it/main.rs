//! Tests of the storefront, one module per feature.
#![expect(clippy::unwrap_used, reason = "a test panics where it goes wrong")]

mod cli_client;
mod cli_usage;
mod csv_reader;
mod demo_shops;
mod e2e;
mod import_csv;
mod money;
mod platform_leaving;
mod platform_worker;
mod shop_buying;
mod shop_cart;
mod shop_checkout;
mod shop_http;
mod shop_inventory;
mod shop_isolation;
mod shop_orders;
mod shop_pages;
mod shop_search;
mod shop_store;
mod shop_visitor;
mod shop_world;
