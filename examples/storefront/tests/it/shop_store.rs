//! The write side: what an import leaves behind.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use storefront::{
    import::{Limits, Product, Stored},
    shop::{ImportError, ImportMode, catalog, import, store},
};

use crate::shop_world::{
    World, collection, eur, image, on_both, product, reader, tenant, variant, writer,
};

fn shirt() -> Product {
    let mut shirt = product("shirt", "Shirt");
    shirt.vendor = "Weaver".into();
    shirt.options = vec!["Size".into()];
    shirt.variants = vec![variant(&["S"], 2_000), variant(&["M"], 2_100)];
    shirt.tags = vec!["linen".into(), "summer".into()];
    shirt.images = vec![image("https://pictures.test/shirt.jpg")];
    shirt.collections = vec![collection("clothes", "Clothes")];
    shirt
}

/// The variants of a product, as the shop shows them: id, options, price.
async fn variants(world: &World, handle: &str) -> Vec<(i64, Vec<String>, i64)> {
    let shown = shown(world, handle).await;
    let variant = |variant: &storefront::shop::Variant| {
        (variant.id, variant.options.clone(), variant.price.minor())
    };
    shown.variants.iter().map(variant).collect()
}

async fn shown(world: &World, handle: &str) -> storefront::shop::Product {
    let mut tx = world.db.begin(&reader(1));
    let shown = catalog::product(&mut tx, tenant(1), eur(), handle)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    shown
}

/// All rows of a tenant's tables, counted, and the hash of each product with its time of change.
async fn rows(world: &World, id: u32) -> (Vec<i64>, Vec<(i64, String, i64)>) {
    let mut tx = world.db.begin(&reader(id));
    let mut counts = Vec::new();
    for sql in [
        "select count(*) from product where tenant_id = $1",
        "select count(*) from product_option where tenant_id = $1",
        "select count(*) from product_variant where tenant_id = $1",
        "select count(*) from product_image where tenant_id = $1",
        "select count(*) from product_tag where tenant_id = $1",
        "select count(*) from collection where tenant_id = $1",
        "select count(*) from collection_product where tenant_id = $1",
        "select count(*) from search_word where tenant_id = $1",
    ] {
        let (count,): (i64,) = tx.sql(sql).bind(tenant(id).as_i64()).one().await.unwrap();
        counts.push(count);
    }
    let sql = "select product_id, content_hash, updated_at from product where tenant_id = $1 order by product_id";
    let products = tx.sql(sql).bind(tenant(id).as_i64()).all().await.unwrap();
    tx.commit().await.unwrap();
    (counts, products)
}

#[tokio::test]
async fn a_product_is_shown_as_it_was_given() {
    on_both(async |world| {
        assert_eq!(world.put(1, &shirt()).await, Stored::Created);
        let shown = shown(world, "shirt").await;
        assert_eq!(shown.title, "Shirt");
        assert_eq!(shown.vendor, "Weaver");
        assert_eq!(shown.options, ["Size"]);
        assert_eq!(shown.tags, ["linen", "summer"]);
        assert_eq!(shown.images, shirt().images);
        let sizes: Vec<_> = shown
            .variants
            .iter()
            .map(|variant| variant.options.concat())
            .collect();
        assert_eq!(sizes, ["S", "M"]);
        assert!(
            shown
                .variants
                .iter()
                .all(|variant| variant.available && variant.id > 0)
        );
    })
    .await;
}

#[tokio::test]
async fn the_same_product_again_changes_nothing() {
    on_both(async |world| {
        world.put(1, &shirt()).await;
        let before = (rows(world, 1).await, variants(world, "shirt").await);
        world.clock.advance(std::time::Duration::from_secs(60));
        assert_eq!(world.put(1, &shirt()).await, Stored::Unchanged);
        assert_eq!(
            (rows(world, 1).await, variants(world, "shirt").await),
            before
        );
    })
    .await;
}

#[tokio::test]
async fn ids_stay_when_a_product_changes() {
    on_both(async |world| {
        world.put(1, &shirt()).await;
        let [small, medium] = variants(world, "shirt").await.try_into().unwrap();
        let id = shown(world, "shirt").await.id;

        // Another order, a new size in between, another price.
        let mut changed = shirt();
        changed.variants = vec![
            variant(&["M"], 2_500),
            variant(&["L"], 2_600),
            variant(&["S"], 2_000),
        ];
        assert_eq!(world.put(1, &changed).await, Stored::Updated);
        let [first, second, third] = variants(world, "shirt").await.try_into().unwrap();
        assert_eq!(first, (medium.0, vec!["M".into()], 2_500));
        assert_eq!(third, small);
        assert!(second.0 != small.0 && second.0 != medium.0);
        assert_eq!(shown(world, "shirt").await.id, id);

        // Renamed sizes keep their ids by their place.
        changed.variants = vec![variant(&["Medium"], 2_500), variant(&["Large"], 2_600)];
        world.put(1, &changed).await;
        let ids: Vec<_> = variants(world, "shirt")
            .await
            .iter()
            .map(|variant| variant.0)
            .collect();
        assert_eq!(ids, [medium.0, second.0]);
    })
    .await;
}

#[tokio::test]
async fn what_a_product_no_longer_has_is_removed() {
    on_both(async |world| {
        world.put(1, &shirt()).await;
        let mut bare = product("shirt", "Blouse");
        bare.variants.clear();
        assert_eq!(world.put(1, &bare).await, Stored::Updated);
        let (counts, _) = rows(world, 1).await;
        // The collection stays for others; nothing is in it, so no page shows it.
        assert_eq!(counts, [1, 0, 0, 0, 0, 1, 0, 1]);
        assert_eq!(
            world.get(1, "/api/search?q=shirt").await.handles(),
            Vec::<String>::new()
        );
        assert_eq!(
            world.get(1, "/api/search?q=blouse").await.handles(),
            ["shirt"]
        );
        assert!(!world.browse(1, "/").await.body.contains("Clothes"));
    })
    .await;
}

#[tokio::test]
async fn a_failure_half_way_leaves_nothing_half_done() {
    on_both(async |world| {
        world.put(1, &shirt()).await;
        let before = (rows(world, 1).await, variants(world, "shirt").await);
        // The second of two equal tags is refused by the primary key, after product and options were written.
        let mut broken = shirt();
        broken.title = "Half a shirt".into();
        broken.tags = vec!["twice".into(), "twice".into()];
        let mut tx = world.db.begin(&writer(1));
        let failed = store::upsert_product(&mut tx, world.cell.ids(), tenant(1), &broken).await;
        assert!(failed.is_err());
        assert!(
            tx.commit().await.is_err(),
            "a failed transaction must not commit"
        );
        assert_eq!(
            (rows(world, 1).await, variants(world, "shirt").await),
            before
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_not_listed_is_nowhere() {
    on_both(async |world| {
        let mut draft = shirt();
        draft.published = false;
        world.put(1, &draft).await;
        assert_eq!(
            world.get(1, "/products/shirt").await.status,
            StatusCode::NOT_FOUND
        );
        assert_eq!(
            world.get(1, "/api/products/shirt").await.status,
            StatusCode::NOT_FOUND
        );
        for path in [
            "/api/products",
            "/api/search",
            "/api/search?q=shirt",
            "/api/search?vendor=Weaver",
        ] {
            assert_eq!(
                world.get(1, path).await.handles(),
                Vec::<String>::new(),
                "{path}"
            );
        }
        // Negative control: the same product, listed.
        world.put(1, &shirt()).await;
        assert_eq!(
            world.get(1, "/api/search?q=shirt").await.handles(),
            ["shirt"]
        );
    })
    .await;
}

const FILE: &str = "Handle,Title,Vendor,Tags,Option1 Name,Option1 Value,Variant Price\n\
    mug,Mug,Potter,\"clay, gift\",Size,Small,12\n\
    mug,,,,,Large,15.50\n\
    bowl,Bowl,Potter,,,,20\n\
    dish,Dish,Potter,,,,-3\n";

async fn import_file(
    world: &World,
    mode: ImportMode,
    chunks: Vec<Result<&'static [u8], &'static str>>,
) -> Result<storefront::import::Report, ImportError> {
    let chunks = stream::iter(chunks).map(|chunk| chunk.map(Bytes::from_static));
    import(&world.cell, &writer(1), Limits::default(), mode, chunks).await
}

#[tokio::test]
async fn a_file_is_imported_twice_to_the_same_effect() {
    on_both(async |world| {
        let chunks = || FILE.as_bytes().chunks(7).map(Ok).collect();
        let report = import_file(world, ImportMode::Apply, chunks())
            .await
            .unwrap();
        assert_eq!(
            (report.created, report.updated, report.unchanged),
            (2, 0, 0)
        );
        assert_eq!((report.products_rejected, report.rejected[0].line), (1, 5));
        let before = rows(world, 1).await;
        let report = import_file(world, ImportMode::Apply, chunks())
            .await
            .unwrap();
        assert_eq!(
            (report.created, report.updated, report.unchanged),
            (0, 0, 2)
        );
        assert_eq!(rows(world, 1).await, before);
        assert_eq!(
            world.get(1, "/api/products").await.handles(),
            ["mug", "bowl"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_reports_and_changes_nothing() {
    on_both(async |world| {
        let whole = || vec![Ok(FILE.as_bytes())];
        let dry = import_file(world, ImportMode::DryRun, whole())
            .await
            .unwrap();
        assert_eq!(rows(world, 1).await, (vec![0; 8], vec![]));
        let real = import_file(world, ImportMode::Apply, whole())
            .await
            .unwrap();
        assert_eq!(dry, real);
    })
    .await;
}

#[tokio::test]
async fn an_import_that_breaks_off_keeps_what_it_has_and_goes_on_later() {
    on_both(async |world| {
        let (start, _) = FILE.split_at(FILE.find("dish").unwrap());
        let broken = vec![Ok(start.as_bytes()), Err("the client went away")];
        let failed = import_file(world, ImportMode::Apply, broken).await;
        assert!(matches!(failed, Err(ImportError::Receive(_))));
        // The bowl was not complete: its next row might have been missing.
        assert_eq!(world.get(1, "/api/products").await.handles(), ["mug"]);
        let report = import_file(world, ImportMode::Apply, vec![Ok(FILE.as_bytes())])
            .await
            .unwrap();
        assert_eq!((report.created, report.unchanged), (1, 1));
    })
    .await;
}

/// Two imports that bring the same new size, in a product that is there, and the same new product, with collections in
/// opposite orders. On Postgres two transactions read before either wrote, once.
#[tokio::test]
async fn two_imports_at_once_are_one_after_the_other() {
    on_both(async |world| {
        for round in 0..4 {
            world.put(1, &shirt()).await;
            let mut larger = shirt();
            larger.title = format!("Shirt {round}");
            larger.variants.push(variant(&["L"], 2_200));
            larger.variants[2].quantity = Some(5);
            let mut new = product(&format!("new-{round}"), "New");
            let collections = [collection("clothes", "Clothes"), collection("sale", "Sale")];
            new.collections = collections.into();
            let mut turned = new.clone();
            turned.collections.reverse();
            let import = async |first: Product, second: Product| {
                world.put(1, &first).await;
                world.put(1, &second).await;
            };
            tokio::join!(
                Box::pin(import(larger.clone(), new.clone())),
                Box::pin(import(larger.clone(), turned.clone())),
                Box::pin(import(new.clone(), larger.clone())),
                Box::pin(import(turned.clone(), larger.clone())),
            );
            let sizes: Vec<String> = variants(world, "shirt")
                .await
                .into_iter()
                .map(|(_, options, _)| options.concat())
                .collect();
            assert_eq!(sizes, ["S", "M", "L"], "round {round}");
            let mut tx = world.db.begin(&reader(1));
            let sql = "select count(*), cast(sum(s.on_hand) as bigint) from stock s join product_variant v
                on v.tenant_id = s.tenant_id and v.variant_id = s.variant_id where s.tenant_id = $1";
            let stock: (i64, i64) = tx.sql(sql).bind(tenant(1).as_i64()).one().await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(stock, (1, 5), "round {round}");
        }
    })
    .await;
}
