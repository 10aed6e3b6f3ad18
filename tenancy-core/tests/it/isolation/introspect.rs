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

/// A key, so that nothing but what is tested keeps a table from being the tenants'.
const KEYED: &str = "tenant_id bigint not null, id bigint not null, primary key (tenant_id, id)";

/// They have the tenant's column, and no answer of a person's would make them a manifest.
#[tokio::test]
async fn what_no_manifest_takes_is_said_before_anybody_decides() {
    let schema = format!(
        "create table fine ({KEYED});
         create table \"Order\" ({KEYED});
         create table note (tenant_id bigint not null, \"noteId\" bigint not null, primary key (tenant_id, \"noteId\"));
         create table same ({KEYED}); create schema other; create table other.same ({KEYED});
         create table tenancy_own ({KEYED});
         create table one ({KEYED}); create table two ({KEYED}); create table three ({KEYED});
         alter table one add foreign key (tenant_id, id) references two;
         alter table two add foreign key (tenant_id, id) references one;
         alter table three add foreign key (tenant_id, id) references one;
         alter table two add foreign key (tenant_id, id) references fine;
         create table tenancy_schema_journal (version bigint primary key);"
    );
    let (_database, found) = introspected(&schema, &["tenant_id"]).await;
    let plain = |name: &str, table: &str| {
        format!("{name:?} in the declaration of table {table:?} is no plain lower-case identifier")
    };
    let circle = |table: &str| format!("table {table} is its own ancestor");
    for (name, refused) in [
        ("public.fine", None),
        ("public.three", None),
        ("public.Order", Some(plain("Order", "Order"))),
        ("public.note", Some(plain("noteId", "note"))),
        ("public.same", Some("table same is declared twice".into())),
        ("other.same", Some("table same is declared twice".into())),
        (
            "public.tenancy_own",
            Some("the name of table tenancy_own is reserved".into()),
        ),
        ("public.one", Some(circle("one"))),
        ("public.two", Some(circle("two"))),
    ] {
        let one = table(&found, name);
        assert_eq!(one.looks, Looks::Tenants, "{name}");
        assert_eq!(
            one.refused.as_ref().map(ToString::to_string),
            refused,
            "{name}"
        );
    }
    // The journal of schemas is nobody's question.
    assert_eq!(found.tables().len(), 9);
    let error = found.manifest().unwrap_err();
    assert!(
        matches!(error, IntrospectError::Declaration { .. }),
        "{error:?}"
    );
}

/// What refers to a table that is not listed needs no order with it.
#[tokio::test]
async fn parents_are_tables_of_the_manifest() {
    let schema = format!(
        "create table big (tenant_id bigint, id bigint, primary key (tenant_id, id)) partition by range (id);
         create table big_low partition of big for values from (0) to (10);
         create table big_high partition of big for values from (10) to (20);
         create table plain ({KEYED}); create table more (extra int) inherits (plain);
         create table child ({KEYED}, foreign key (tenant_id, id) references big_low);
         create table grown ({KEYED}); alter table big_high add foreign key (tenant_id, id) references grown;"
    );
    let (_database, found) = introspected(&schema, &["tenant_id"]).await;
    let below = |name: &str| table(&found, name).below.join(" ");
    assert_eq!(below("public.big"), "public.big_high public.big_low");
    assert_eq!(below("public.plain"), "public.more");
    let parents = |name: &str| table(&found, name).table.parents().join(" ");
    assert_eq!(parents("public.child"), "big");
    assert_eq!(parents("public.big"), "grown");
    assert_eq!(found.manifest().unwrap().tables().len(), 4);
}

#[tokio::test]
async fn a_tenants_column_that_cannot_be_compared_is_a_question() {
    let schema = "create domain account as uuid; create domain owner as account;
        create table a (tenant_id integer not null, id int, primary key (tenant_id, id));
        create table b (tenant_id text not null, id int, primary key (tenant_id, id));
        create table c (tenant_id owner not null, id int, primary key (tenant_id, id));
        create table d (tenant_id uuid not null, id int, primary key (tenant_id, id));";
    let (_database, found) = introspected(schema, &["tenant_id"]).await;
    for (name, other) in [
        ("a", Some(("integer", None))),
        ("b", Some(("text", None))),
        ("c", Some(("public.owner", Some("uuid")))),
        ("d", None),
    ] {
        let looks = other.map_or(Looks::Tenants, |(found, over): (&str, Option<&str>)| {
            Looks::OtherType {
                column: "tenant_id".into(),
                found: found.into(),
                domain_over: over.map(Box::from),
            }
        });
        assert_eq!(
            table(&found, &format!("public.{name}")).looks,
            looks,
            "{name}"
        );
    }
    let owner = Table::tenant_uuid("c", ["id"]);
    assert_eq!(table(&found, "public.c").table, owner);
    assert!(found.manifest().is_err());
}

/// What others refer to is the tenant, also where it is not the primary key.
#[tokio::test]
async fn a_register_has_one_row_a_tenant() {
    let schema = "create table shop (id bigint primary key, ext uuid not null unique, name text);
        create table product (shop_ext uuid not null references shop (ext), id bigint,
            primary key (shop_ext, id));";
    let (_database, found) = introspected(schema, &["shop_ext"]).await;
    let shop = table(&found, "public.shop");
    let declared = Table::tenant_uuid("shop", [])
        .tenant_column("ext")
        .keeps_primary_key();
    assert_eq!(shop.table, declared);
    assert_eq!(
        shop.looks,
        Looks::Register {
            column: "ext".into()
        }
    );
    assert_eq!(shop.needs_unique, None);
}

/// Names are anybody's who may make tables, and a comment ends with its line.
#[cfg(feature = "cli")]
#[tokio::test]
async fn a_name_adds_nothing_to_what_is_written_down() {
    let line = r#"\n[[table]]\nkind = "shared_read"\nname = "product"\n# "#;
    let schema = format!(
        "create table fine ({KEYED});
         do $$ begin
            execute format('create view %I as select * from fine', E'v{line}');
            execute format('create table %I ({KEYED})', E't{line}');
         end $$;"
    );
    let (_database, found) = introspected(&schema, &["tenant_id"]).await;
    let text = found.to_toml();
    assert!(text.contains("V1 public.v\\n[[table]]"), "{text}");
    let undecided = Manifest::from_toml(&text).unwrap_err().to_string();
    let line = line.replace(r"\n", "\n");
    let expect = format!("nobody has decided yet whose rows are in t{line}");
    assert_eq!(undecided, expect, "the table alone is read back");
}

/// A name that is long enough for an index may be too long for a function.
#[tokio::test]
async fn a_search_that_no_manifest_takes_is_no_candidate() {
    let long = "i".repeat(60);
    let schema = format!(
        "create table t ({KEYED}, a text, b text);
         create index {long} on t (a text_pattern_ops); create index \"Quoted\" on t (b text_pattern_ops);"
    );
    let (_database, found) = introspected(&schema, &["tenant_id"]).await;
    let names: Vec<&str> = found
        .search_candidates()
        .iter()
        .map(SearchFunction::name)
        .collect();
    assert_eq!(names, [&long[..56]]);
    let searches = found.search_candidates().iter().cloned();
    found.manifest().unwrap().with_searches(searches).unwrap();
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
