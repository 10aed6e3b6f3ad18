//! Declarations of tables.

use tenancy_core::{Manifest, ManifestError, Table, TableKind};

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
