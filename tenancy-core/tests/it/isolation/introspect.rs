//! What is read out of schemas that nobody has declared.

use sqlx::{Connection as _, PgConnection};
use tenancy_core::{
    Manifest, SearchFunction, Table, TableKind,
    isolation::{
        FoundTable, IntrospectError, Introspected, Isolation, IsolationMode, Looks, Roles, install,
        introspect,
    },
};
use tenancy_testkit::{Database, Postgres};

use super::{SCHEMA, manifest, world::run};

async fn introspected(schema: &str, columns: &[&str]) -> (Database, Introspected) {
    let database = Postgres::shared().database().unwrap();
    let mut admin = PgConnection::connect(&database.url()).await.unwrap();
    run(&mut admin, schema).await;
    let found = introspect(&mut admin, columns).await.unwrap();
    (database, found)
}

#[track_caller]
fn table<'a>(found: &'a Introspected, name: &str) -> &'a FoundTable {
    let mut tables = found.tables().iter();
    let found = tables.find(|found| found.full_name() == name);
    found.unwrap_or_else(|| panic!("{name} is found"))
}

/// The tests' own schema, of which the manifest is known.
#[tokio::test]
async fn a_schema_that_is_ready_gives_the_manifest_that_was_written_for_it() {
    let partitions =
        "create table event_p0 partition of event for values with (modulus 2, remainder 0);
        create table event_p1 partition of event for values with (modulus 2, remainder 1);";
    let schema = format!("{SCHEMA}{partitions}");
    let (_database, found) = introspected(&schema, &["tenant_id", "account"]).await;
    assert!(found.findings().is_empty(), "{:?}", found.findings());
    let manifest = manifest();
    for declared in manifest.tables() {
        let name = format!("{}.{}", declared.schema_name(), declared.name());
        let one = table(&found, &name);
        match declared.kind() {
            TableKind::Tenant { .. } => {
                assert_eq!((&one.looks, &one.table), (&Looks::Tenants, declared));
            }
            TableKind::SharedRead | TableKind::ControlPlane => {
                assert_eq!(one.looks, Looks::Unconnected, "{name}");
            }
        }
    }
    assert_eq!(found.tables().len(), manifest.tables().len());
    let undecided = found.manifest().unwrap_err();
    assert!(
        matches!(&undecided, IntrospectError::Undecided { tables }
            if *tables == ["public.currency".into(), "public.journal".into()]),
        "{undecided:?}"
    );
}

/// A shop that was given an account's column half way.
const HALF: &str = "
create table account (id uuid primary key);
create table country (code text primary key);
create table customer (
    id uuid primary key, account_id uuid references account, country text references country, email text unique
);
create index customer_email on customer (email text_pattern_ops);
create table invoice (
    id uuid primary key, number bigserial, customer_id uuid not null references customer on delete cascade
);
create table line (id uuid primary key, invoice_id uuid not null references invoice, text text);
create table visit (account_id uuid not null, page text);
create table setting (name text primary key);
create view open_invoice as select * from invoice;
create materialized view sales as select count(*) from invoice;
create function sum_of_all() returns bigint language sql security definer as 'select count(*) from invoice';
";

#[tokio::test]
async fn what_is_not_known_is_asked_with_the_reason() {
    let (_database, found) = introspected(HALF, &["tenant_id", "account_id"]).await;
    let path = |tables: &[&str]| Looks::RefersToTenants {
        path: tables.iter().map(|table| Box::from(*table)).collect(),
    };
    for (name, looks) in [
        (
            "public.account",
            Looks::Register {
                column: "id".into(),
            },
        ),
        (
            "public.country",
            Looks::ReferredTo {
                by: "public.customer".into(),
            },
        ),
        ("public.customer", Looks::Tenants),
        ("public.invoice", path(&["public.customer"])),
        ("public.line", path(&["public.invoice", "public.customer"])),
        ("public.visit", Looks::Keyless),
        ("public.setting", Looks::Unconnected),
    ] {
        assert_eq!(table(&found, name).looks, looks, "{name}");
    }
    assert_eq!(found.tables().len(), 7);
    let account = Table::tenant_uuid("account", []).tenant_column("id");
    assert_eq!(table(&found, "public.account").table, account);
    let customer = table(&found, "public.customer");
    let declared = Table::tenant_uuid("customer", ["id"])
        .tenant_column("account_id")
        .keeps_primary_key()
        .parent("account")
        .parent("country");
    assert_eq!(customer.table, declared);
    assert_eq!(customer.needs_unique.as_deref(), Some("account_id, id"));
    // It would get the column that others have.
    let line = Table::tenant_uuid("line", ["id"])
        .tenant_column("account_id")
        .keeps_primary_key()
        .parent("invoice");
    assert_eq!(table(&found, "public.line").table, line);
    let findings: Vec<String> = found
        .findings()
        .iter()
        .map(|one| format!("{} {}", one.check.id(), one.object))
        .collect();
    assert_eq!(
        findings,
        [
            "F1 public.sum_of_all()",
            "I1 index customer_email on public.customer",
            "T2 public.customer",
            "T6 public.customer",
            "T7 index customer_email_key on public.customer",
            "V1 public.open_invoice",
            "V2 public.sales",
        ]
    );
    let searches: Vec<_> = found
        .search_candidates()
        .iter()
        .map(SearchFunction::name)
        .collect();
    assert_eq!(searches, ["customer_email"]);
}

#[tokio::test]
async fn what_the_isolation_has_installed_is_no_table_of_the_application() {
    let (database, before) = introspected(HALF, &["account_id"]).await;
    let tables = [
        Table::shared_read("country"),
        Table::control_plane("setting"),
    ];
    let isolation = Isolation::new(
        &Manifest::new(tables).unwrap(),
        Roles::named(database.name()).unwrap(),
        IsolationMode::Sealed,
    );
    let mut admin = PgConnection::connect(&database.url()).await.unwrap();
    install(&mut admin, &isolation).await.unwrap();
    let after = introspect(&mut admin, &["account_id"]).await.unwrap();
    assert_eq!(after, before);
}

/// Control of the introspection's promise: the same tables in another order of columns are other tables.
#[tokio::test]
async fn a_key_that_does_not_start_with_the_tenant_is_kept() {
    let schema =
        "create table a (tenant_id bigint not null, id bigint, primary key (id, tenant_id));
        create table b (tenant_id bigint not null, id bigint not null, unique (tenant_id, id));
        create table c (tenant_id bigint not null, id bigint primary key, unique (tenant_id, id));";
    let (_database, found) = introspected(schema, &["tenant_id"]).await;
    for (name, needs) in [("a", Some("tenant_id, id")), ("b", None), ("c", None)] {
        let one = table(&found, &format!("public.{name}"));
        let expect = Table::tenant(name, ["id"]).keeps_primary_key();
        assert_eq!((&one.table, one.needs_unique.as_deref()), (&expect, needs));
    }
    let manifest = found.manifest().unwrap();
    assert_eq!(manifest.tables().len(), 3);
}

/// Null is distinct from null: rows with one are not named by such a key, and are left out where it is walked.
#[tokio::test]
async fn a_key_that_takes_null_or_holds_at_the_commit_only_is_none() {
    let schema = "create table a (tenant_id bigint not null, id bigint, unique (tenant_id, id));
        create table b (tenant_id bigint not null, id bigint not null, unique (tenant_id, id) deferrable);
        create table c (tenant_id bigint not null, id bigint not null, unique (tenant_id, id));
        create table d (tenant_id bigint, id bigint not null, unique (tenant_id, id));";
    let (_database, found) = introspected(schema, &["tenant_id"]).await;
    for (name, looks) in [
        ("a", Looks::Keyless),
        ("b", Looks::Keyless),
        ("c", Looks::Tenants),
        ("d", Looks::Tenants),
    ] {
        assert_eq!(
            table(&found, &format!("public.{name}")).looks,
            looks,
            "{name}"
        );
    }
}

/// By what they hold, and not by their names alone.
#[tokio::test]
async fn partitions_are_known_by_their_remainders() {
    let partition = |name: &str, modulus, remainder| {
        format!(
            "create table {name} partition of t for values with (modulus {modulus}, remainder {remainder});"
        )
    };
    let hashed = "create table t (tenant_id bigint, id bigint, primary key (tenant_id, id)) partition by hash (tenant_id);";
    for (partitions, known) in [
        (partition("t_p0", 2, 0) + &partition("t_p1", 2, 1), 2),
        (partition("t_p1", 2, 0) + &partition("t_p2", 2, 1), 0),
        (partition("t_p1", 2, 0) + &partition("t_p0", 2, 1), 0),
        (partition("t_p0", 2, 0), 0),
        (partition("t_p0", 2, 0) + &partition("t_p1", 4, 1), 0),
        (
            partition("t_p0", 2, 0) + "create schema other;" + &partition("other.t_p1", 2, 1),
            0,
        ),
    ] {
        let (_database, found) =
            introspected(&format!("{hashed}{partitions}"), &["tenant_id"]).await;
        let found = table(&found, "public.t").table.partitions();
        assert_eq!(found.map_or(0, u16::from), known, "{partitions}");
    }
}

#[cfg(feature = "cli")]
#[tokio::test]
async fn what_is_written_down_is_a_manifest_once_it_is_decided() {
    let (_database, found) = introspected(HALF, &["account_id"]).await;
    let text = found.to_toml();
    for line in [
        "# public.line refers to public.customer by public.invoice, which is tenants': it lacks the column.",
        "# It still needs UNIQUE (account_id, id).",
        "# kind = \"prefix\"",
        "# V1 public.open_invoice: it is read with its owner's rights",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}:\n{text}");
    }
    let undecided = Manifest::from_toml(&text).unwrap_err();
    assert_eq!(
        undecided.to_string(),
        "nobody has decided yet whose rows are in account, country, invoice, line, setting, visit"
    );
    let decided = Manifest::from_toml(&text.replace("undecided", "tenant")).unwrap();
    assert_eq!(decided.tables().len(), found.tables().len());
    for one in found.tables() {
        assert_eq!(decided.table(one.table.name()), Some(&one.table));
    }
}
