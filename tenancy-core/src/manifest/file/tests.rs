use std::num::{NonZeroU16, NonZeroU32};

use proptest::{collection::vec, option, prelude::*};

use super::{Manifest, ManifestFileError};
use crate::{SearchDocument, SearchFunction, SearchKind, Table};

#[test]
fn a_file_says_what_a_program_can() {
    let read = Manifest::from_toml(
        r#"
        [[table]]
        name = "variant"
        kind = "tenant"
        key = ["product_id", "id"]
        parents = ["product"]
        partitions = 8
        [[table]]
        name = "product"
        kind = "tenant"
        key = ["id"]
        tenant_column = "shop"
        tenant_type = "uuid"
        keeps_primary_key = true
        [[table]]
        name = "currency"
        kind = "shared_read"
        schema = "world"
        [[table]]
        name = "journal"
        kind = "control_plane"
        [[search]]
        name = "words"
        table = "product"
        kind = "full_text"
        expression = "to_tsvector('english', title)"
        config = "english"
        limit = 3
        [[search]]
        name = "title"
        table = "product"
        kind = "prefix"
        column = "title"
        returning = ["title", "id"]
        "#,
    );
    let expression = SearchDocument::expression("to_tsvector('english', title)");
    let (eight, three) = (8.try_into().expect("not 0"), 3.try_into().expect("not 0"));
    let written = Manifest::new([
        Table::tenant("variant", ["product_id", "id"])
            .parent("product")
            .partitioned(eight),
        Table::tenant_uuid("product", ["id"])
            .tenant_column("shop")
            .keeps_primary_key(),
        Table::shared_read("currency").schema("world"),
        Table::control_plane("journal"),
    ])
    .and_then(|manifest| {
        manifest.with_searches([
            SearchFunction::full_text("words", "product", expression, "english").limit(three),
            SearchFunction::prefix("title", "product", "title").returning(["title", "id"]),
        ])
    });
    assert_eq!(read.expect("a manifest"), written.expect("the same one"));
}

#[track_caller]
fn check(text: &str, expect: &str) {
    let error = Manifest::from_toml(text).expect_err("no manifest");
    let found = match &error {
        ManifestFileError::Syntax { source } => source.to_string(),
        other => other.to_string(),
    };
    assert!(found.contains(expect), "{found}");
}

#[test]
fn a_wrong_file_is_named() {
    let table = "[[table]]\nname = 'a'\nkind = 'tenant'\nkey = ['id']\n";
    check("[[tables]]", "unknown field `tables`");
    check(
        "[[table]]\nname = 'a'\nkind = 'tenants'",
        "unknown variant `tenants`",
    );
    check(
        "[[table]]\nname = 'a'\nkind = 'shared_read'\nkey = []",
        "unknown field `key`",
    );
    check(
        &table.replace("'a'", "'A'"),
        "no plain lower-case identifier",
    );
    check(
        &format!("{table}[[search]]\nname = 's'\ntable = 'a'\nkind = 'json'\nexpression = 'b'"),
        "search s needs one column",
    );
}

#[test]
fn a_table_that_nobody_has_decided_about_makes_no_manifest() {
    let file = "[[table]]\nname = 'a'\nkind = 'undecided'\nkey = ['id']\n";
    check(file, "nobody has decided yet whose rows are in a");
    let decided = file.replace("undecided", "tenant");
    let manifest = Manifest::from_toml(&decided).expect("decided by one word");
    let expect = Manifest::new([Table::tenant("a", ["id"])]).expect("a manifest");
    assert_eq!(manifest, expect);
}

fn tenants_table(name: String) -> impl Strategy<Value = Table> {
    (
        any::<bool>(),
        vec("[a-z]{1,3}", 0..3),
        option::of("[d-z]{4}"),
        option::of(any::<NonZeroU16>()),
        any::<bool>(),
    )
        .prop_map(move |(uuid, mut key, column, partitions, keeps)| {
            key.sort();
            key.dedup();
            let key = key.iter().map(String::as_str);
            let mut table = if uuid {
                Table::tenant_uuid(&name, key)
            } else {
                Table::tenant(&name, key)
            };
            table = column
                .iter()
                .fold(table, |table, column| table.tenant_column(column));
            table = partitions.into_iter().fold(table, Table::partitioned);
            if keeps {
                table.keeps_primary_key()
            } else {
                table
            }
        })
}

/// Table number `number`, whose parents are among those before it.
fn table(number: usize) -> impl Strategy<Value = Table> {
    let name = format!("t{number}");
    let kind = prop_oneof![
        tenants_table(name.clone()),
        Just(Table::shared_read(&name)),
        Just(Table::control_plane(&name)),
    ];
    (kind, option::of("[d-z]{4}"), vec(0..=number, 0..3)).prop_map(|(table, schema, parents)| {
        let table = schema
            .iter()
            .fold(table, |table, schema| table.schema(schema));
        parents
            .iter()
            .fold(table, |table, parent| table.parent(&format!("t{parent}")))
    })
}

fn search() -> impl Strategy<Value = SearchFunction> {
    let document = prop_oneof![
        "[a-z]{1,5}".prop_map(|column| SearchDocument::column(&column)),
        // Quotes, lines and what TOML writes in another way.
        "[ -~\n\tä]{1,20}".prop_map(|sql| SearchDocument::Expression(sql.into())),
    ];
    let kind = prop_oneof![
        (document, "[a-z]{1,5}(\\.[a-z]{1,5})?").prop_map(|(document, config)| {
            let config = config.into();
            SearchKind::FullText { document, config }
        }),
        "[a-z]{1,5}".prop_map(|column| SearchKind::Json {
            column: column.into()
        }),
        "[a-z]{1,5}".prop_map(|column| SearchKind::Prefix {
            column: column.into()
        }),
    ];
    let returning = option::of(vec("[a-z]{1,5}", 1..3));
    (kind, returning, any::<NonZeroU32>()).prop_map(|(kind, returning, limit)| {
        let search = match kind {
            SearchKind::FullText { document, config } => {
                SearchFunction::full_text("s", "searched", document, &config)
            }
            SearchKind::Json { column } => SearchFunction::json("s", "searched", &column),
            SearchKind::Prefix { column } => SearchFunction::prefix("s", "searched", &column),
        };
        let search = match &returning {
            Some(columns) => search.returning(columns.iter().map(String::as_str)),
            None => search,
        };
        search.limit(limit)
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        tables in (0..6_usize).prop_flat_map(|count| (0..count).map(table).collect::<Vec<_>>()),
        search in option::of(search()),
    ) {
        let searched = Table::tenant("searched", ["id"]);
        let manifest = Manifest::new(tables.into_iter().chain([searched]))
            .and_then(|manifest| manifest.with_searches(search))
            .expect("a manifest");
        let text = manifest.to_toml();
        prop_assert_eq!(Manifest::from_toml(&text).expect(&text), manifest);
    }
}
