//! Tests of the storefront, one module per feature.

mod csv_reader;
mod money;
