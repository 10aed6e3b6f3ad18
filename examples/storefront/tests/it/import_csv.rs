//! Product import: files in, products and reports out.

use std::fmt::Write;
use std::path::Path;

use expect_test::expect_file;
use proptest::prelude::*;
use storefront::import::{
    Collection, Image, Importer, Limits, Policy, Product, Report, Status, Stored, Variant,
};
use storefront::money::{Currency, Money};

fn euro() -> Currency {
    Currency::from_code("EUR").expect("a code of the table")
}

fn import_in<'a>(
    chunks: impl IntoIterator<Item = &'a [u8]>,
    limits: Limits,
) -> (Vec<Product>, Report) {
    let mut importer = Importer::new(euro(), limits);
    let mut products = Vec::new();
    for chunk in chunks {
        products.extend(importer.feed(chunk));
    }
    products.extend(importer.finish());
    for _ in &products {
        importer.stored(Stored::Created);
    }
    (products, importer.into_report())
}

fn import(file: &[u8]) -> (Vec<Product>, Report) {
    import_in([file], Limits::default())
}

/// The codes of what was rejected, with line and column.
fn codes(report: &Report) -> Vec<String> {
    let tell = |f: &storefront::import::Finding| {
        let column = f.column.as_deref().unwrap_or("-");
        format!("{}:{} {column} {}", f.line, f.character, f.code)
    };
    report
        .rejected
        .iter()
        .chain(&report.stopped)
        .map(tell)
        .collect()
}

#[track_caller]
fn check(file: &str, handles: &[&str], expect: &[&str]) {
    let (products, report) = import(file.as_bytes());
    let found: Vec<_> = products.iter().map(|p| p.handle.as_str()).collect();
    assert_eq!(found, handles, "{report}");
    assert_eq!(codes(&report), expect, "{report}");
}

/// A product as the golden files show it.
fn told(product: &Product) -> String {
    let mut text = format!("{} {:?}", product.handle, product.title);
    for (name, value) in [
        ("vendor", &product.vendor),
        ("tags", &product.tags.join("|")),
        ("options", &product.options.join("|")),
        ("body", &product.body_html),
    ] {
        if !value.is_empty() {
            write!(text, "\n  {name} {value:?}").unwrap_or_default();
        }
    }
    let listed = if product.is_listed() {
        ""
    } else {
        "\n  not listed"
    };
    text.push_str(listed);
    for Collection { handle, title } in &product.collections {
        text.push_str(&format!("\n  collection {handle} {title:?}"));
    }
    for v in &product.variants {
        let compare_at = v
            .compare_at
            .map_or(String::new(), |was| format!(" was {was}"));
        let count = v.quantity.map_or("uncounted".to_owned(), |n| n.to_string());
        let (options, sku, price, grams) = (v.options.join("|"), &v.sku, v.price, v.grams);
        let (policy, image) = (v.policy, v.image.as_deref().unwrap_or("-"));
        text.push_str(&format!(
            "\n  variant {options:?} {sku:?} {price}{compare_at}, {grams} g, {count}, {policy:?}, {image}"
        ));
    }
    for Image { src, alt } in &product.images {
        text.push_str(&format!("\n  image {src} {alt:?}"));
    }
    text
}

/// Each file of `tests/data` gives the products and the report of the text
/// beside it.
#[test]
fn golden_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|e| e == "csv"))
        .collect();
    files.sort();
    assert!(files.len() > 15, "the folder is the right one");
    for path in files {
        let (products, report) = import(&std::fs::read(&path).unwrap());
        let products: String = products.iter().map(|p| told(p) + "\n").collect();
        expect_file![path.with_extension("txt")].assert_eq(&format!("{products}---\n{report}"));
    }
}

#[test]
fn limits_are_told_with_their_place() {
    let limits = Limits {
        rows_per_product: 2,
        images_per_product: 1,
        tags_per_product: 2,
        text_chars: 6,
        url_chars: 6,
        html_tags: 1,
        ..Limits::default()
    };
    let file = "Handle,Title,Body (HTML),Tags,Image Src\n\
        a,A,,,\na,,,,\na,,,,\na,,,,\n\
        b,B,,,/1\nb,,,,/2\n\
        c,C,,\"1,2,3\",\n\
        d,Too long,,,\n\
        e,E,,,/too/long\n\
        f,F,<b>x</b>,,\n\
        overlong,O,,,\noverlong,,,,\n\
        good,Good,<p>,\"1,2\",/12345\n";
    let (products, report) = import_in([file.as_bytes()], limits);
    let handles: Vec<_> = products.iter().map(|p| p.handle.as_str()).collect();
    assert_eq!(handles, ["good"]);
    assert_eq!(
        codes(&report),
        [
            "4:1 Handle too_many_rows",
            "7:6 Image Src too_many_images",
            "8:6 Tags too_many_tags",
            "9:3 Title text_too_long",
            "10:7 Image Src text_too_long",
            "11:5 Body (HTML) too_much_markup",
            "12:1 Handle text_too_long",
        ]
    );
}

#[test]
fn too_many_products_stop_the_import() {
    let limits = Limits {
        products: 2,
        ..Limits::default()
    };
    let file = b"Handle,Title\na,A\nb,B\nc,C\nd,D\n";
    let (products, report) = import_in([file.as_slice()], limits);
    assert_eq!(products.len(), 2);
    assert_eq!(codes(&report), ["4:1 Handle too_many_products"]);
}

#[test]
fn a_report_keeps_so_many_findings_and_counts_all() {
    let limits = Limits {
        findings: 3,
        ..Limits::default()
    };
    let rows: String = (0..10).map(|n| format!("p{n},P,x\n")).collect();
    let file = format!("Handle,Title,Variant Price\n{rows}");
    let (_, report) = import_in([file.as_bytes()], limits);
    assert_eq!((report.rejected.len(), report.rejected_count), (3, 10));
    assert!(report.to_string().contains("and 7 more"));
}

#[test]
fn a_report_survives_json() {
    let file = "Handle,Title,Variant Price,Mine\nmug,Mug,1,\nbowl,Bowl,x,\ncup,Cup,\"";
    let (_, report) = import(file.as_bytes());
    assert!(report.stopped.is_some());
    let json = serde_json::to_string(&report).unwrap();
    let back: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(
        serde_json::to_value(&back).unwrap(),
        serde_json::to_value(&report).unwrap()
    );
    assert!(
        json.contains(r#""line":3,"character":11,"column":"Variant Price","handle":"bowl""#),
        "{json}"
    );
}

/// A lost quote may have swallowed a size of the shirt that follows it.
#[test]
fn the_product_behind_a_torn_row_is_rejected() {
    check(
        "Handle,Title,Variant Price\na,\"A,1\nb,B,2\nb,\"B\",3\nb,B,4\nc,C,5\n",
        &["c"],
        &["4:4 Title text_after_quote", "5:1 Handle near_broken_row"],
    );
}

/// A broken row within a product says nothing about the next.
#[test]
fn the_product_behind_a_whole_one_is_not() {
    check(
        "Handle,Title,Vendor\na,A,V\n\"a\"x,,\na,,\nb,B,V\n",
        &["b"],
        &["3:4 Handle text_after_quote", "2:1 Handle near_broken_row"],
    );
}

/// A field of a gigabyte is refused after some megabytes, and what was
/// complete before it stays.
#[test]
fn a_giant_field_stops_the_import_soon() {
    let mut importer = Importer::new(euro(), Limits::default());
    importer.feed(b"Handle,Title,Body (HTML)\nmug,Mug,fine\nbowl,Bowl,\"");
    let chunk = vec![b'x'; 64 << 10];
    let (mut fed, mut products) = (0, Vec::new());
    while !importer.is_stopped() && fed < 1 << 30 {
        products.extend(importer.feed(&chunk));
        fed += chunk.len();
    }
    assert!(fed <= 5 << 20, "{fed}");
    products.extend(importer.finish());
    assert_eq!(products.len(), 1);
    let expect = [
        "3:11 Body (HTML) field_too_long",
        "3:11 Body (HTML) record_too_long",
    ];
    assert_eq!(codes(importer.report()), expect);
}

/// Without the limit on markup each of these takes the parser minutes.
#[test]
fn markup_that_is_slow_to_parse_is_refused() {
    let attributes: String = (0..100_000).map(|n| format!("{n:x} ")).collect();
    for body in [
        "<div>".repeat(100_000),
        "<ul><li>".repeat(60_000),
        format!("<a {attributes}>"),
    ] {
        let file = format!("Handle,Title,Body (HTML)\nx,X,{body}\n");
        check(&file, &[], &["2:5 Body (HTML) too_much_markup"]);
    }
}

#[test]
fn collections_have_addresses() {
    let handle = |title: &str| {
        let file = format!("Handle,Title,Collection\nx,X,\"{title}\"\n");
        let (products, _) = import(file.as_bytes());
        products[0].collections[0].handle.clone()
    };
    assert_eq!(handle("Bowls & Mugs!"), "bowls-mugs");
    assert_eq!(handle("Décor  &  Café"), "decor-cafe");
    assert_eq!(handle("— 2026 —"), "2026");
    let (cups, plates) = (handle("カップ"), handle("皿"));
    assert_ne!(cups, plates);
    for handle in [cups, plates, handle("Straße"), handle("!!!")] {
        assert!(
            handle
                .chars()
                .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-')),
            "{handle}"
        );
        assert!(!handle.is_empty());
    }
}

fn line(chars: &'static str) -> impl Strategy<Value = String> {
    let word = proptest::collection::vec(
        proptest::sample::select(chars.chars().collect::<Vec<_>>()),
        1..6,
    );
    let word = word.prop_map(|chars| chars.into_iter().collect::<String>());
    proptest::collection::vec(word, 0..3).prop_map(|words| words.join(" "))
}

fn text() -> impl Strategy<Value = String> {
    line("abXY019ä猫\",'-&<")
}

fn name() -> impl Strategy<Value = String> {
    text().prop_filter("a name", |name| !name.is_empty())
}

prop_compose! {
    fn variant(options: usize)(
        options in proptest::collection::vec(name(), options),
        sku in text(),
        minor in 0..100_000_i64,
        was in proptest::option::of(1..100_000_i64),
        grams in 0..5_000_u32,
        barcode in text(),
        quantity in proptest::option::of(0..50_u32),
        policy in proptest::sample::select(vec![Policy::Deny, Policy::Continue]),
    ) -> Variant {
        let (price, compare_at) = (Money::new(minor, euro()), was.map(|was| Money::new(was, euro())));
        Variant { options, sku, price, compare_at, grams, barcode, quantity, policy, image: None }
    }
}

fn any_status() -> impl Strategy<Value = Status> {
    proptest::sample::select(vec![Status::Active, Status::Draft, Status::Archived])
}

fn distinct<T: Clone, K: PartialEq>(items: &[T], key: impl Fn(&T) -> K) -> Vec<T> {
    let is_first = |(at, item): (usize, &T)| items[..at].iter().all(|e| key(e) != key(item));
    let first = items
        .iter()
        .enumerate()
        .filter(|(at, item)| is_first((*at, *item)));
    first.map(|(_, item)| item.clone()).collect()
}

prop_compose! {
    /// Any product a file can hold. Its handle is set later.
    fn product()(options in proptest::collection::vec(name(), 0..4))(
        variants in proptest::collection::vec(variant(options.len()), 0..6),
        options in Just(options),
        title in name(),
        body_html in proptest::sample::select(vec!["", "<p>Plain\n\"quoted\"</p>", "<ul><li>ü, v</li></ul>"]),
        texts in proptest::array::uniform5(text()),
        tags in proptest::collection::vec(line("abcä\"'"), 0..4),
        collections in proptest::collection::vec(line("abcd"), 0..3),
        (published, status) in (any::<bool>(), any_status()),
        images in proptest::collection::vec(("/[a-z]{1,3}\\.svg", text()), 0..4),
    ) -> Product {
        let [vendor, product_type, category, seo_title, seo_description] = texts;
        let options = distinct(&options, String::clone);
        let cut = |mut v: Variant| { v.options.truncate(options.len()); v };
        let variants = distinct(&variants.into_iter().map(cut).collect::<Vec<_>>(), |v| v.options.clone());
        let handles = |title: String| Collection { handle: title.replace(' ', "-"), title };
        let named = |texts: Vec<String>| texts.into_iter().filter(|text| !text.is_empty());
        Product {
            handle: String::new(),
            title,
            body_html: body_html.to_owned(),
            vendor,
            product_type,
            category,
            tags: distinct(&named(tags).collect::<Vec<_>>(), |tag| tag.to_lowercase()),
            collections: distinct(&named(collections).map(handles).collect::<Vec<_>>(), |c| c.handle.clone()),
            published,
            status,
            seo_title,
            seo_description,
            options,
            variants,
            images: distinct(&images, |(src, _)| src.clone())
                .into_iter()
                .map(|(src, alt)| Image { src, alt })
                .collect(),
        }
    }
}

const HEADER: &str = "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,\
    Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value,\
    Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,\
    Variant Inventory Policy,Variant Price,Variant Compare At Price,Variant Barcode,\
    Image Src,Image Position,Image Alt Text,SEO Title,SEO Description,Status,Collection\n";

/// Writes a product as the format has it: as many rows as its longest list,
/// texts in the first.
fn written(product: &Product) -> String {
    let rows = [
        product.variants.len(),
        product.images.len(),
        product.collections.len(),
        1,
    ];
    let rows = rows.into_iter().max().expect("four numbers");
    (0..rows).map(|index| written_row(product, index)).collect()
}

fn written_row(product: &Product, index: usize) -> String {
    let first = |text: &str| {
        if index == 0 {
            text.to_owned()
        } else {
            String::new()
        }
    };
    let amount = |money: Money| money.to_string().replace(" EUR", "");
    let variant = product.variants.get(index);
    let of_variant = |tell: &dyn Fn(&Variant) -> String| variant.map_or(String::new(), tell);
    let image = product.images.get(index);
    let status = format!("{:?}", product.status).to_lowercase();
    let mut cells = vec![
        product.handle.clone(),
        first(&product.title),
        first(&product.body_html),
        first(&product.vendor),
        first(&product.category),
        first(&product.product_type),
        first(&product.tags.join(", ")),
        first(&product.published.to_string()),
    ];
    for option in 0..3 {
        cells.push(first(
            product.options.get(option).map_or("", String::as_str),
        ));
        cells.push(of_variant(&|v| {
            v.options.get(option).cloned().unwrap_or_default()
        }));
    }
    cells.extend([
        of_variant(&|v| v.sku.clone()),
        of_variant(&|v| v.grams.to_string()),
        of_variant(&|v| v.quantity.map_or(String::new(), |_| "shopify".to_owned())),
        of_variant(&|v| v.quantity.map_or(String::new(), |count| count.to_string())),
        of_variant(&|v| format!("{:?}", v.policy).to_lowercase()),
        of_variant(&|v| amount(v.price)),
        of_variant(&|v| v.compare_at.map_or(String::new(), amount)),
        of_variant(&|v| v.barcode.clone()),
        image.map_or(String::new(), |image| image.src.clone()),
        image.map_or(String::new(), |_| (index + 1).to_string()),
        image.map_or(String::new(), |image| image.alt.clone()),
        first(&product.seo_title),
        first(&product.seo_description),
        first(&status),
        product
            .collections
            .get(index)
            .map_or(String::new(), |c| c.title.clone()),
    ]);
    let quoted = |cell: String| format!("\"{}\"", cell.replace('"', "\"\""));
    cells.into_iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n"
}

/// Bytes that come near to being a product file.
fn near_file() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "a,",
        "b,",
        "A,",
        "1,",
        "x,",
        "\"q\",",
        "\"",
        ",",
        "\n",
        "\r\n",
        "a,A,1,\n",
        "b,B,2,/i\n",
        "a,,3,/i\n",
        "\u{e9}",
        "\0",
        "-1",
    ];
    let piece = proptest::sample::select(pieces).prop_map(|text| text.as_bytes().to_vec());
    let piece = prop_oneof![9 => piece, 1 => proptest::collection::vec(any::<u8>(), 0..4)];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| {
        let header = b"Handle,Title,Variant Price,Image Src\n".to_vec();
        std::iter::once(header).chain(pieces).flatten().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// What a file says is what comes out, and the same every time.
    #[test]
    fn written_products_are_read(products in proptest::collection::vec(product(), 0..5)) {
        let name = |(at, p): (usize, Product)| Product { handle: format!("p-{at}"), ..p };
        let products: Vec<_> = products.into_iter().enumerate().map(name).collect();
        let file = HEADER.to_owned() + &products.iter().map(written).collect::<String>();
        let (found, report) = import(file.as_bytes());
        prop_assert!(report.is_clean(), "{}", report);
        prop_assert_eq!(&found, &products);
        let hashes = |products: &[Product]| products.iter().map(Product::content_hash).collect::<Vec<_>>();
        prop_assert_eq!(hashes(&found), hashes(&products));
    }

    /// Different products have different hashes.
    #[test]
    fn hashes_tell_products_apart(one in product(), other in product()) {
        prop_assert_eq!(one == other, one.content_hash() == other.content_hash());
    }

    /// Every product that began was returned or rejected, no handle twice, and
    /// cutting the file changes nothing.
    #[test]
    fn anything_ends_in_products_and_a_report(file in near_file(), size in 1..20_usize) {
        let (products, report) = import(&file);
        prop_assert_eq!(products.len() as u64 + report.products_rejected, report.products_seen);
        let findings = report.rejected_count + u64::from(report.stopped.is_some());
        prop_assert!(report.products_rejected <= findings, "{}", report);
        let handles = distinct(&products, |p| p.handle.clone());
        prop_assert_eq!(handles.len(), products.len());
        prop_assert_eq!(import_in(file.chunks(size), Limits::default()), (products, report));
    }

    /// Descriptions come out without a way to run anything.
    #[test]
    fn descriptions_are_safe(
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "<script>", "</script>", "<svg/onload=x>", "<img src=x onerror=x>", "<a href='javascript:x'>",
            "<p>", "</p>", "<style>", "<math><mi>", "<!--", "-->", "\"", "'", "<iframe src=/>", "x", "<",
            "<a href=' &#106;avascript:x'>", "<table><td>", "<b onclick=x>", "<form action=/><input>",
        ]), 0..12)
    ) {
        let body = pieces.concat().replace('"', "\"\"");
        let file = format!("Handle,Title,Body (HTML)\nx,X,\"{body}\"\n");
        let (products, _) = import(file.as_bytes());
        let html = products[0].body_html.to_lowercase();
        let tags = html.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default());
        for tag in tags {
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
            prop_assert!(["p", "a", "b", "img", "table", "tbody", "tr", "td"].contains(&name), "{}", html);
            prop_assert!(!tag.contains(" on") && !tag.contains("javascript:"), "{}", html);
        }
    }
}

/// Each field counts: changing any one of them changes the hash.
#[test]
fn hashes_cover_every_field() {
    let price = Money::new(100, euro());
    let variant = Variant {
        options: vec!["S".into()],
        sku: String::new(),
        price,
        compare_at: None,
        grams: 0,
        barcode: String::new(),
        quantity: None,
        policy: Policy::Deny,
        image: None,
    };
    let (products, _) = import(b"Handle,Title\nx,X\n");
    let base = Product {
        options: vec!["Size".into()],
        variants: vec![variant],
        ..products[0].clone()
    };
    let yen = Currency::from_code("JPY").unwrap();
    let collection = Collection {
        handle: "c".into(),
        title: "C".into(),
    };
    let image = Image {
        src: "/i".into(),
        alt: String::new(),
    };
    let changes: [fn(&mut Product); 19] = [
        |p| p.handle.push('1'),
        |p| p.title.push('1'),
        |p| p.body_html.push('1'),
        |p| p.vendor.push('1'),
        |p| p.product_type.push('1'),
        |p| p.category.push('1'),
        |p| p.tags.push("t".into()),
        |p| p.published = false,
        |p| p.status = Status::Draft,
        |p| p.seo_title.push('1'),
        |p| p.seo_description.push('1'),
        |p| p.options[0].push('1'),
        |p| p.variants[0].options[0].push('1'),
        |p| p.variants[0].sku.push('1'),
        |p| p.variants[0].grams = 1,
        |p| p.variants[0].barcode.push('1'),
        |p| p.variants[0].quantity = Some(0),
        |p| p.variants[0].policy = Policy::Continue,
        |p| p.variants[0].image = Some(String::new()),
    ];
    let mut hashes = vec![base.content_hash()];
    for change in changes {
        let mut product = base.clone();
        change(&mut product);
        hashes.push(product.content_hash());
    }
    for (price, compare_at) in [
        (Money::new(101, euro()), None),
        (Money::new(100, yen), None),
        (price, Some(price)),
    ] {
        let mut product = base.clone();
        product.variants[0].price = price;
        product.variants[0].compare_at = compare_at;
        hashes.push(product.content_hash());
    }
    hashes.push(
        Product {
            collections: vec![collection],
            ..base.clone()
        }
        .content_hash(),
    );
    hashes.push(
        Product {
            images: vec![image],
            ..base.clone()
        }
        .content_hash(),
    );
    assert_eq!(distinct(&hashes, |hash| *hash).len(), hashes.len());
}

/// The format of hashes is persisted: a change of it would make every shop's
/// next import rewrite every product.
#[test]
fn the_hash_of_a_product_is_known() {
    let (products, _) = import(b"Handle,Title,Variant Price\nmug,Mug,12\n");
    let expect = "6928ab5142f9784a734f020289457f35c0ff2b7accaa9ae40516b471bc56d67e";
    assert_eq!(products[0].content_hash().to_string(), expect);
}
