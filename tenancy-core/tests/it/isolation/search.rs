//! The search functions: the right rows, of the right tenant, by the index.

use std::num::NonZeroU32;

use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use tenancy_core::{
    Manifest, SearchDocument, SearchFunction, Table,
    isolation::{IsolationMode, SealAccess},
};

use super::world::{MODES, Outcome, World, outcome, refused, rows, run};

/// Tenant 2 is large, tenants 1 and 3 are small; all have the same words.
const SCHEMA: &str = "
create table product (
    tenant_id bigint not null,
    id bigint not null,
    title text not null,
    document tsvector not null generated always as (to_tsvector('simple', title)) stored,
    data jsonb not null,
    primary key (tenant_id, id)
);
insert into product (tenant_id, id, title, data)
    select tenant, id, format('word%s of %s', id % 1000, tenant), jsonb_build_object('n', id % 1000)
    from generate_series(1, 3) tenant, generate_series(1, case tenant when 2 then 10000 else 20 end) id;
create index product_document on product using gin (document);
create index product_data on product using gin (data);
create index product_title on product (tenant_id, title text_pattern_ops);
create index product_words on product using gin (to_tsvector('english', title));
create table file (account uuid not null, id bigint not null, name text not null, primary key (account, id));
create index file_name on file (account, name text_pattern_ops);
insert into file select ('00000000-0000-4000-8000-00000000000' || tenant)::uuid, id, 'scan ' || id
    from generate_series(1, 2) tenant, generate_series(1, 3) id;
analyze;
";

fn manifest() -> Manifest {
    let few = NonZeroU32::new(3).unwrap();
    let document = SearchDocument::column("document");
    let words = SearchDocument::expression("to_tsvector('english', title)");
    Manifest::new([
        Table::tenant("product", ["id"]),
        Table::tenant_uuid("file", ["id"]).tenant_column("account"),
    ])
    .unwrap()
    .with_searches([
        SearchFunction::full_text("text", "product", document, "simple"),
        SearchFunction::full_text("words", "product", words, "english").limit(few),
        SearchFunction::json("data", "product", "data"),
        SearchFunction::prefix("title", "product", "title")
            .returning(["title", "id"])
            .limit(few),
        SearchFunction::prefix("file", "file", "name"),
    ])
    .unwrap()
}

async fn world(mode: IsolationMode) -> World {
    World::new(SCHEMA, &manifest(), mode).await
}

async fn ids(app: &mut PgConnection, search: &str) -> Vec<i64> {
    sqlx::query_scalar(AssertSqlSafe(format!("select id from tenancy.{search}")))
        .fetch_all(app)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_search_finds_its_own_tenants_rows() {
    for mode in MODES {
        let world = world(mode).await;
        // Control: the other tenants have rows of these words.
        for found in [
            "title like 'word7 %'",
            "document @@ 'word7'",
            "data @> '{\"n\": 7}'",
        ] {
            let of_all = format!("select distinct tenant_id from product where {found}");
            assert_eq!(
                outcome(&mut world.admin().await, &of_all).await,
                Outcome::Rows(3)
            );
        }
        let mut app = world.app().await;
        world.write(&mut app, 1).await;
        for (search, expect) in [
            ("search_text(1, 'word7')", &[7][..]),
            ("search_text(1, 'word7 or word9')", &[7, 9]),
            ("search_text(1, 'word7 9')", &[]),
            ("search_text(1, '\"of 1\" -word7 word8')", &[8]),
            ("search_text(1, '')", &[]),
            // At most three.
            (
                "search_words(1, 'word7 or word8 or word9 or word10')",
                &[7, 8, 9],
            ),
            (r#"search_data(1, '{"n": 7}')"#, &[7]),
            (r#"search_data(1, '{"n": 21}')"#, &[]),
            ("search_title(1, 'word1')", &[1, 10, 11]),
            ("search_title(1, 'word2')", &[2, 20]),
            // Signs of a pattern mean themselves.
            ("search_title(1, 'word2%')", &[]),
            ("search_title(1, 'word_')", &[]),
            (r"search_title(1, 'word\')", &[]),
            ("search_file(1, 'scan ')", &[1, 2, 3]),
        ] {
            assert_eq!(ids(&mut app, search).await, expect, "{mode:?}: {search}");
        }
        let columns = rows(&mut app, "select * from tenancy.search_title(1, 'word2')")
            .await
            .unwrap();
        let (title, id): (String, i64) = (columns[1].get(0), columns[1].get(1));
        assert_eq!((title.as_str(), id), ("word20 of 1", 20));
    }
}

#[tokio::test]
async fn a_search_is_of_the_transactions_own_tenant() {
    for mode in MODES {
        let world = world(mode).await;
        let searches = [
            "search_text($, 'word7')",
            "search_data($, '{\"n\": 7}')",
            "search_title($, 'word7')",
            "search_file($, 'scan')",
        ];
        for search in searches {
            let sql = format!("select * from tenancy.{search}");
            for (tenant, asked) in [
                (Some(1), "2"),
                (Some(1), "null"),
                (None, "1"),
                (None, "null"),
            ] {
                let found = world.attempt(tenant, &sql.replace('$', asked)).await;
                assert_eq!(found, refused("TN005"), "{mode:?}: {sql} for {asked}");
            }
            let own = world.attempt(Some(1), &sql.replace('$', "1")).await;
            assert!(matches!(own, Outcome::Rows(1..)), "control: {own:?}");
        }
        // Without the question, a search finds whom it is asked for.
        let mut admin = world.admin().await;
        let text: String = sqlx::query_scalar(
            "select pg_get_functiondef('tenancy.search_text(bigint,text)'::regprocedure)",
        )
        .fetch_one(&mut admin)
        .await
        .unwrap();
        let without = text.replace("(tenancy.current_tenant() = $1) IS NOT TRUE", "false");
        assert_ne!(text, without);
        run(&mut admin, &without).await;
        let found = world
            .attempt(Some(1), "select * from tenancy.search_text(2, 'word7')")
            .await;
        assert_eq!(found, Outcome::Rows(10));
    }
}

#[tokio::test]
async fn only_the_application_searches() {
    let world = world(IsolationMode::Plain).await;
    let roles = world.isolation.roles();
    for role in [roles.auditor(), roles.mover()] {
        let mut connection = world.connect(&role).await;
        let found = outcome(
            &mut connection,
            "select * from tenancy.search_text(1, 'word7')",
        )
        .await;
        assert_eq!(found, refused("42501"), "{role}");
    }
}

async fn plan(connection: &mut PgConnection, sql: &str) -> String {
    let lines = rows(connection, &format!("explain (costs off) {sql}"))
        .await
        .unwrap();
    let lines: Vec<String> = lines.iter().map(|line| line.get(0)).collect();
    lines.join("\n")
}

/// The statement inside a search function, as its function plans it.
async fn inside(world: &World, search: &str, argument: &str) -> String {
    let mut mover = world.mover().await;
    let source = format!(
        "select prosrc from pg_proc where proname = 'search_{search}' and 'force_custom_plan' = split_part(proconfig[2], '=', 2)"
    );
    let source: String = sqlx::query_scalar(AssertSqlSafe(source))
        .fetch_one(&mut mover)
        .await
        .unwrap();
    let (_, query) = source.split_once("RETURN QUERY").unwrap();
    let (query, _) = query.rsplit_once(';').unwrap();
    let (query, _) = query.rsplit_once(';').unwrap_or((query, ""));
    let kind = if search == "data" { "jsonb" } else { "text" };
    run(
        &mut mover,
        &format!(
            "set plan_cache_mode = force_custom_plan; prepare inside (bigint, {kind}) as {query}"
        ),
    )
    .await;
    plan(&mut mover, &format!("execute inside (2, '{argument}')")).await
}

/// The trap: under row security an operator that is not leakproof is asked only after the policy, so the index
/// that is made for it is not used. A large tenant's every row is read.
#[tokio::test]
async fn a_search_uses_the_index_that_row_security_keeps_a_query_from() {
    for mode in MODES {
        let world = world(mode).await;
        let mut app = world.app().await;
        let mut mover = world.mover().await;
        for (search, argument, by_hand, by_index) in [
            (
                "text",
                "word7",
                "document @@ websearch_to_tsquery('simple', 'word7')",
                "Index Cond: (document @@",
            ),
            (
                "words",
                "word7",
                "to_tsvector('english', title) @@ websearch_to_tsquery('english', 'word7')",
                "Index Cond: (to_tsvector('english'::regconfig, ",
            ),
            (
                "data",
                "{\"n\": 7}",
                "data @> '{\"n\": 7}'",
                "Index Cond: (data @>",
            ),
            (
                "title",
                "word77",
                "title like 'word77%'",
                "(title ~>=~ 'word77'::text)",
            ),
        ] {
            let query = format!("select id from product where tenant_id = 2 and {by_hand}");
            // Control: nothing but row security keeps the query from the index.
            let free = plan(&mut mover, &query).await;
            assert!(free.contains(by_index), "{search}:\n{free}");
            world.read(&mut app, 2).await;
            let guarded = plan(&mut app, &query).await;
            assert!(
                !guarded.contains(by_index),
                "{mode:?}, {search}:\n{guarded}"
            );
            run(&mut app, "commit").await;
            let inside = inside(&world, search, argument).await;
            let inside = inside.replace("t.", "").replace("(title)::text", "title");
            assert!(inside.contains(by_index), "{mode:?}, {search}:\n{inside}");
        }
    }
}

#[tokio::test]
async fn a_search_that_is_not_declared_any_more_is_gone() {
    let world = world(IsolationMode::Plain).await;
    let fewer = Manifest::new(manifest().tables().iter().cloned()).unwrap();
    let roles = world.isolation.roles().clone();
    let isolation = tenancy_core::isolation::Isolation::new(&fewer, roles, IsolationMode::Plain);
    let mut admin = world.admin().await;
    let installed = tenancy_core::isolation::install(&mut admin, &isolation)
        .await
        .unwrap();
    let changes: Vec<String> = installed
        .changes()
        .iter()
        .map(ToString::to_string)
        .collect();
    for expect in [
        "dropped function tenancy.search_text(bigint,text)",
        "altered table public.product",
    ] {
        assert!(
            changes.iter().any(|change| change == expect),
            "{expect}: {changes:?}"
        );
    }
    let search = world.isolation.roles().search();
    let reads = format!("select 1 where has_table_privilege('{search}', 'product', 'select')");
    assert_eq!(outcome(&mut admin, &reads).await, Outcome::Rows(0));
    let mut app = world.app().await;
    let read = format!("begin read only; {}", world.enter(1, SealAccess::Read));
    run(&mut app, &read).await;
    assert_eq!(
        outcome(&mut app, "select * from tenancy.search_text(1, 'word7')").await,
        refused("42883")
    );
}

/// A function's parameters and the columns that it answers with share their names' room.
#[tokio::test]
async fn a_key_may_be_called_as_an_argument() {
    let schema = "create table t (account bigint, tenant bigint, query text, title text,
            primary key (account, tenant, query));
        insert into t values (1, 5, 'one', 'Mug'), (2, 6, 'two', 'Mug');";
    let table = Table::tenant("t", ["tenant", "query"]).tenant_column("account");
    let manifest = Manifest::new([table]).unwrap();
    let search = SearchFunction::prefix("title", "t", "title");
    let manifest = manifest.with_searches([search]).unwrap();
    let world = World::new(schema, &manifest, IsolationMode::Sealed).await;
    let mut app = world.app().await;
    world.read(&mut app, 2).await;
    let found = "select tenant, query from tenancy.search_title(2, 'M')";
    let row = &rows(&mut app, found).await.unwrap()[0];
    assert_eq!((row.get::<i64, _>(0), row.get::<&str, _>(1)), (6, "two"));
}
