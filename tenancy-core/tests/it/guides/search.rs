//! `docs/guides/search-under-rls.md`: the trap, and the way out.

mod program;

use sqlx::{Connection as _, PgConnection};
use tenancy_core::{
    Manifest,
    db::{CellOptions, PostgresCell},
    isolation::{Isolation, IsolationMode, Roles, audit},
};
use tenancy_testkit::Postgres;

use super::{let_in, page::Page};
use crate::isolation::world::run;

const GUIDE: &str = include_str!("../../../../docs/guides/search-under-rls.md");
const PROGRAM: &str = include_str!("search/program.rs");

#[tokio::test]
async fn a_search_loses_its_index_and_gets_it_back() {
    let database = Postgres::shared().database().unwrap();
    // Roles belong to the whole cluster, so they are named for the database here.
    let mut guide = Page::new(&GUIDE.replace("library", database.name()), PROGRAM);
    guide.environment.insert("ADMIN_URL", database.url());
    let mut admin = PgConnection::connect(&database.url()).await.unwrap();
    for heading in ["The data", "The trap", "The way out"] {
        guide.section(heading, &mut admin).await;
    }

    let tables = std::fs::read_to_string(guide.folder().join("tables.toml")).unwrap();
    guide.end();
    let manifest = Manifest::from_toml(&tables).unwrap();
    let roles = Roles::named(database.name()).unwrap();
    let isolation = Isolation::new(&manifest, roles, IsolationMode::Plain);
    run(
        &mut admin,
        "insert into tenancy.fence select id, null, 'active', 'active', 1, 0 from generate_series(1, 2) id",
    )
    .await;
    let login = |role: String| database.url_as(&role).parse().unwrap();
    let receipt = audit::boot(login(isolation.roles().app()), &isolation, None)
        .await
        .unwrap();
    let options = CellOptions::new(std::num::NonZeroU16::MIN);
    let mover = login(isolation.roles().mover());
    let cell = PostgresCell::open(receipt, mover, options).await.unwrap();
    for (tenant, rows) in [(1, 1), (2, 30)] {
        let ctx = let_in(tenant).read_only();
        let mut tx = cell.begin(&ctx);
        let found = program::articles(&mut tx, "word7").await.unwrap();
        assert_eq!(found, vec![format!("word7 of customer {tenant}"); rows]);
        tx.commit().await.unwrap();
    }
}
