//! Two shops of one cell that look alike never see each other's things.

use http::StatusCode;
use storefront::{
    import::Product,
    shop::{ShopError, catalog, store},
};
use tenancy_core::db::DbError;

use crate::shop_world::{
    World, collection, eur, image, on_both, product, reader, tenant, variant, writer,
};

/// Everything that a page could show of a product names its shop.
fn marked(shop: u32, handle: &str) -> Product {
    let mark = format!("mark{shop}");
    let mut product = product(handle, &format!("Mug {mark}"));
    product.vendor = format!("Vendor {mark}");
    product.product_type = format!("Type {mark}");
    product.body_html = format!("<p>Body {mark}</p>");
    product.tags = vec!["shared".into(), format!("tag-{mark}")];
    product.collections = vec![collection("all", &format!("All {mark}"))];
    product.options = vec![format!("Option {mark}")];
    product.variants = vec![variant(
        &[&format!("Value {mark}")],
        1_000 + i64::from(shop),
    )];
    product.variants[0].sku = format!("SKU-{mark}");
    product.images = vec![image(&format!("https://pictures.test/{mark}.jpg"))];
    product
}

async fn two_shops(world: &World) {
    for shop in [1, 2] {
        // One handle in both shops, and one of each shop's own.
        world.put(shop, &marked(shop, "mug")).await;
        world
            .put(shop, &marked(shop, &format!("only-{shop}")))
            .await;
    }
}

const PATHS: [&str; 14] = [
    "/",
    "/products/mug",
    "/collections/all",
    "/collections/all?tag=shared&sort=price-asc",
    "/search",
    "/search?q=mug",
    "/search?q=ma",
    "/search?tag=shared",
    "/search?price_min=1",
    "/api/products",
    "/api/products/mug",
    "/api/search",
    "/api/search?q=mug",
    "/api/search?tag=shared&sort=newest",
];

#[tokio::test]
async fn no_route_shows_a_thing_of_another_shop() {
    on_both(async |world| {
        two_shops(world).await;
        for (shop, other) in [(1, 2), (2, 1)] {
            for path in PATHS {
                for answer in [world.get(shop, path).await, world.browse(shop, path).await] {
                    assert_eq!(answer.status, StatusCode::OK, "{path}");
                    assert!(
                        answer.body.contains(&format!("mark{shop}")),
                        "shop {shop} is not at {path}"
                    );
                    assert!(
                        !answer.body.contains(&format!("mark{other}")),
                        "shop {other} leaks at {path}"
                    );
                }
            }
            let theirs = format!("only-{other}");
            for path in [
                format!("/products/{theirs}"),
                format!("/api/products/{theirs}"),
            ] {
                assert_eq!(
                    world.get(shop, &path).await.status,
                    StatusCode::NOT_FOUND,
                    "{path}"
                );
            }
            for query in [
                format!("q=mark{other}"),
                format!("vendor=Vendor+mark{other}"),
                format!("tag=tag-mark{other}"),
            ] {
                let found = world
                    .get(shop, &format!("/api/search?{query}"))
                    .await
                    .handles();
                assert_eq!(found, Vec::<String>::new(), "{query}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn another_shops_variant_or_place_in_a_list_means_nothing_here() {
    on_both(async |world| {
        two_shops(world).await;
        let theirs = world.get(2, "/api/products?limit=1").await.json();
        let variant = theirs["products"][0]["variants"][0]["variant_id"]
            .as_str()
            .unwrap()
            .to_owned();
        let page = world
            .browse(1, &format!("/products/mug?variant={variant}"))
            .await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains("Value mark1") && !page.body.contains("mark2"));
        let after = theirs["next"].as_str().unwrap();
        let list = world.get(1, &format!("/api/products?after={after}")).await;
        assert!(!list.body.contains("mark2"));
    })
    .await;
}

/// Postgres isolates below the statement: it may forget its tenant, and still sees one shop. Past the door
/// the other one's rows are there.
#[tokio::test]
async fn postgres_keeps_a_forgetful_reader_in_its_shop() {
    const FORGETFUL: &str = "select tenant_id from product where handle = 'mug' order by tenant_id";
    let world = World::postgres().await;
    two_shops(&world).await;
    let mut tx = world.db.begin(&reader(1));
    let rows: Vec<(i64,)> = tx.sql(FORGETFUL).all().await.unwrap();
    assert_eq!(rows, [(1,)]);
    let control: Vec<(i64,)> = sqlx::query_as(FORGETFUL)
        .fetch_all(&mut world.past_the_door().await)
        .await
        .unwrap();
    assert_eq!(control, [(1,), (2,)]);
}

/// SQLite isolates below the statement: it may forget its tenant, and still sees one shop.
#[tokio::test]
async fn sqlite_keeps_a_forgetful_reader_and_writer_in_their_shop() {
    let world = World::sqlite().await;
    two_shops(&world).await;
    let mut tx = world.db.begin(&reader(1));
    let rows: Vec<(i64,)> = tx
        .sql("select tenant_id from product where handle = 'mug'")
        .all()
        .await
        .unwrap();
    assert_eq!(rows, [(1,)]);
    tx.commit().await.unwrap();
    // A shop's code that is told the wrong tenant neither reads nor writes there.
    let mut tx = world.db.begin(&reader(1));
    assert!(
        catalog::product(&mut tx, tenant(2), eur(), "mug")
            .await
            .is_err()
    );
    let mut tx = world.db.begin(&writer(1));
    let foreign =
        store::upsert_product(&mut tx, world.cell.ids(), tenant(2), &marked(2, "new")).await;
    assert!(
        matches!(
            foreign,
            Err(ShopError::Database(DbError::ForeignRow { .. }))
        ),
        "{foreign:?}"
    );
    tx.rollback().await;
    let mut tx = world.db.begin(&writer(1));
    let wiped = tx
        .sql("delete from product where handle = 'mug'")
        .run()
        .await;
    assert!(
        matches!(wiped, Err(DbError::ForeignRow { .. })),
        "{wiped:?}"
    );
    tx.rollback().await;
    assert_eq!(
        world.get(2, "/api/products/mug").await.status,
        StatusCode::OK
    );
}
