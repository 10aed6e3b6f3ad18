//! The isolation of a Postgres cell: what it keeps apart, and what leaks when one guard is taken away.

mod audit;
#[cfg(feature = "cli")]
mod audit_command;
mod guard;
mod install;
mod introspect;
mod mutations;
mod net;
#[cfg(feature = "cli")]
mod onboard_command;
mod races;
mod rows;
mod sealed;
mod search;
mod search_path;
mod threats;
pub(crate) mod world;

use std::num::NonZeroU16;

use tenancy_core::{Manifest, Table};

/// Tenants 1 and 2 have two products, a variant, a file and two events each.
const SCHEMA: &str = "
create table product (
    tenant_id bigint not null,
    id bigint not null,
    title text not null,
    primary key (tenant_id, id)
);
create table variant (
    tenant_id bigint not null,
    product_id bigint not null,
    id bigint not null,
    primary key (tenant_id, product_id, id),
    foreign key (tenant_id, product_id) references product (tenant_id, id)
);
create schema files;
create table files.file (account uuid not null, id bigint not null, primary key (account, id));
create table event (tenant_id bigint not null, id bigint not null, primary key (tenant_id, id))
    partition by hash (tenant_id);
create table currency (code text primary key);
create table journal (entry text primary key);
insert into currency values ('EUR');
insert into journal values ('schema 1');
insert into product select tenant, id, format('product %s of %s', id, tenant)
    from generate_series(1, 2) tenant, generate_series(1, 2) id;
insert into variant select tenant, 1, 1 from generate_series(1, 2) tenant;
";

/// After the isolation has made the partitions.
const ROWS: &str = "
insert into files.file select ('00000000-0000-4000-8000-00000000000' || tenant)::uuid, 1
    from generate_series(1, 2) tenant;
insert into event select tenant, id from generate_series(1, 2) tenant, generate_series(1, 2) id;
";

fn manifest() -> Manifest {
    Manifest::new([
        Table::tenant("product", ["id"]),
        Table::tenant("variant", ["product_id", "id"]).parent("product"),
        Table::tenant_uuid("file", ["id"])
            .tenant_column("account")
            .schema("files"),
        Table::tenant("event", ["id"]).partitioned(NonZeroU16::new(2).unwrap()),
        Table::shared_read("currency"),
        Table::control_plane("journal"),
    ])
    .unwrap()
}
