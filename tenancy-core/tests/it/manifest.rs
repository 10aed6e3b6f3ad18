//! Declarations of tables.

use std::num::{NonZeroU16, NonZeroU32};

use proptest::{collection::vec, prelude::*};
use tenancy_core::{
    Manifest, ManifestError, SearchDocument, SearchFunction, Table, TableKind, TenantColumn,
};

#[track_caller]
fn check(tables: impl IntoIterator<Item = Table>, expect: Result<&[&str], &str>) {
    let found = Manifest::new(tables);
    let names = found.as_ref().map(|manifest| {
        let names = manifest.tables().iter().map(Table::name);
        names.collect::<Vec<_>>()
    });
    let names = names.as_deref().map_err(ToString::to_string);
    assert_eq!(names.as_ref().copied().map_err(String::as_str), expect);
}

#[test]
fn parents_come_before_their_children() {
    let order = |name: &str| Table::tenant(name, ["id"]);
    check([], Ok(&[]));
    check(
        [
            order("line").parent("cart").parent("variant"),
            order("variant").parent("product"),
            order("cart"),
            order("product"),
            order("collection").parent("collection"),
        ],
        Ok(&["cart", "product", "variant", "line", "collection"]),
    );
}

#[test]
fn bad_declarations_name_the_table() {
    let table = |name: &str| Table::tenant(name, ["id"]);
    check(
        [table("a"), Table::shared_read("a")],
        Err("table a is declared twice"),
    );
    check(
        [table("a").parent("b")],
        Err("table a has a parent b that is not declared"),
    );
    check(
        [
            table("a").parent("b"),
            table("b").parent("c"),
            table("c").parent("a"),
        ],
        Err("table a is its own ancestor"),
    );
    for name in ["", "Product", "1st", "a b", "a;b", "größe", &"x".repeat(64)] {
        let expect = format!(
            "{name:?} in the declaration of table {name:?} is no plain lower-case identifier"
        );
        check([table(name)], Err(&expect));
    }
    check(
        [Table::tenant("a", ["id", "x y"])],
        Err("\"x y\" in the declaration of table \"a\" is no plain lower-case identifier"),
    );
    check(
        [table("a").tenant_column("id")],
        Err("the key of table a names column id twice"),
    );
    for name in ["sqlite_x", "tenancy_fence", "pg_class", "pragma_x"] {
        check(
            [table(name)],
            Err(&format!("the name of table {name} is reserved")),
        );
    }
}

#[test]
fn a_table_says_whose_rows_it_holds() {
    let manifest = Manifest::new([
        Table::tenant("slug", ["slug"])
            .tenant_column("shop")
            .parent("currency"),
        Table::shared_read("currency").tenant_column("ignored"),
        Table::control_plane("journal"),
    ])
    .unwrap();
    let kinds: Vec<_> = manifest.tables().iter().map(Table::kind).collect();
    let slug = TableKind::Tenant {
        tenant_column: "shop".into(),
        key: vec!["slug".into()],
    };
    assert_eq!(
        kinds,
        [&TableKind::SharedRead, &slug, &TableKind::ControlPlane]
    );
    let tenants: Vec<_> = manifest.tenant_tables().map(Table::name).collect();
    assert_eq!(tenants, ["slug"]);
    assert_eq!(manifest.tables()[1].parents(), ["currency".into()]);
    assert!(matches!(
        Manifest::new([Table::shared_read("-")]),
        Err(ManifestError::InvalidIdentifier { .. })
    ));
}

#[test]
fn a_table_says_where_postgres_has_it() {
    let two = NonZeroU16::new(2);
    let product = Table::tenant("product", ["id"]);
    assert_eq!(
        (product.schema_name(), product.tenant_type()),
        ("public", TenantColumn::BigInt)
    );
    assert_eq!(product.partitions(), None);
    let file = Table::tenant_uuid("file", ["id"])
        .schema("files")
        .partitioned(two.unwrap());
    assert_eq!(
        (file.schema_name(), file.tenant_type(), file.partitions()),
        ("files", TenantColumn::Uuid, two)
    );
    let shared = Table::shared_read("currency").partitioned(two.unwrap());
    assert_eq!(shared.partitions(), None);
    for schema in ["tenancy", "pg_catalog", "information_schema"] {
        check(
            [Table::shared_read("a").schema(schema)],
            Err("the name of table a is reserved"),
        );
    }
    check(
        [Table::shared_read("a").schema("A")],
        Err("\"A\" in the declaration of table \"a\" is no plain lower-case identifier"),
    );
    // The longest partition's name must be whole, too.
    let long = "x".repeat(57);
    let whole = Table::tenant(&long[..56], ["id"]).partitioned(two.unwrap());
    check([whole], Ok(&[&long[..56]]));
    let cut = Table::tenant(&long, ["id"]).partitioned(two.unwrap());
    check(
        [cut],
        Err(&format!(
            "\"{long}_p65535\" in the declaration of table {long:?} is no plain lower-case identifier"
        )),
    );
}

#[test]
fn a_purge_goes_from_the_back() {
    let manifest = Manifest::new([
        Table::tenant("variant", ["id"]).parent("product"),
        Table::shared_read("currency"),
        Table::tenant("product", ["id"]),
    ])
    .unwrap();
    let back: Vec<&str> = manifest.tenant_tables().rev().map(Table::name).collect();
    assert_eq!(back, ["variant", "product"]);
    assert_eq!(manifest.table("product").map(Table::name), Some("product"));
    assert_eq!(manifest.table("nobody"), None);
}

#[test]
fn bad_searches_name_the_search() {
    let manifest = Manifest::new([
        Table::tenant("product", ["id"]),
        Table::tenant("profile", []),
        Table::shared_read("currency"),
    ])
    .unwrap();
    let column = || SearchDocument::column("document");
    for (searches, expect) in [
        (
            vec![SearchFunction::prefix("a", "nobody", "title")],
            "search a is of nobody, which is not declared as a table of tenants' rows",
        ),
        (
            vec![SearchFunction::prefix("a", "currency", "code")],
            "search a is of currency, which is not declared as a table of tenants' rows",
        ),
        (
            vec![SearchFunction::prefix("a", "profile", "motto")],
            "search a answers with no column",
        ),
        (
            vec![
                SearchFunction::prefix("a", "product", "title"),
                SearchFunction::json("a", "product", "data"),
            ],
            "search a is declared twice",
        ),
        (
            vec![SearchFunction::json("a", "product", "data'")],
            "\"data'\" in the declaration of table \"a\" is no plain lower-case identifier",
        ),
        (
            vec![SearchFunction::full_text(
                "a",
                "product",
                column(),
                "simple', x",
            )],
            "\"simple', x\" in the declaration of table \"a\" is no plain lower-case identifier",
        ),
        (
            vec![SearchFunction::full_text(
                "a",
                "product",
                SearchDocument::column("a b"),
                "simple",
            )],
            "\"a b\" in the declaration of table \"a\" is no plain lower-case identifier",
        ),
        (
            vec![SearchFunction::prefix("a", "product", "title").returning(["x y"])],
            "\"x y\" in the declaration of table \"a\" is no plain lower-case identifier",
        ),
        (
            vec![SearchFunction::prefix("A", "product", "title")],
            "\"search_A\" in the declaration of table \"A\" is no plain lower-case identifier",
        ),
    ] {
        let error = manifest.clone().with_searches(searches).unwrap_err();
        assert_eq!(error.to_string(), expect);
    }
    let good = SearchFunction::full_text("a", "product", column(), "public.german")
        .limit(NonZeroU32::new(7).unwrap());
    let declared = manifest.with_searches([good.clone()]).unwrap();
    assert_eq!(declared.searches(), [good]);
}

/// The first table whose parents are all placed, again and again.
fn naive(mut waiting: Vec<Table>) -> Option<Vec<String>> {
    let mut placed: Vec<String> = Vec::new();
    while !waiting.is_empty() {
        let is_ready = |table: &Table| {
            let mut parents = table.parents().iter().map(|parent| &**parent);
            parents.all(|one| one == table.name() || placed.iter().any(|done| done == one))
        };
        let next = waiting.iter().position(is_ready)?;
        placed.push(waiting.remove(next).name().to_owned());
    }
    Some(placed)
}

proptest! {
    #[test]
    fn the_order_is_the_declared_one_but_for_parents(
        references in vec((0..8_usize, 0..8_usize), 0..12),
    ) {
        let table = |number: usize| {
            let parents = references.iter().filter(|(from, _)| *from == number);
            let start = Table::tenant(&format!("t{number}"), ["id"]);
            parents.fold(start, |table, (_, to)| table.parent(&format!("t{to}")))
        };
        let tables: Vec<Table> = (0..8).map(table).collect();
        let found = Manifest::new(tables.clone()).ok().map(|manifest| {
            manifest.tables().iter().map(|table| table.name().to_owned()).collect::<Vec<_>>()
        });
        prop_assert_eq!(found, naive(tables));
    }
}
