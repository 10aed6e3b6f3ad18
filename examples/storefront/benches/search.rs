//! Microseconds of a page of search results on a Postgres cell: the storefront's own, or through the full-text
//! function that a manifest can list.
//!
//! ```sh
//! cargo bench -p storefront --bench search -- ours
//! ```
//!
//! The last line is the answer: `{"value": 950.0}`. With `FIGURES_QUICK=1` in the environment it searches less, in
//! smaller shops.
//!
//! The storefront keeps tables of words, because they work on every database that a cell may have. What that costs on
//! Postgres is the question here, so both sides are the same products, in one sealed cell, over one connection:
//!
//! - `ours` is what a page of results takes: 20 products, found by word or beginning of one in four fields, ranked by
//!   field, and five facets over all that match.
//! - `peer` asks the function for the best 21 of 100, by words of the title alone, and reads their products. No facets.
//!
//! The value is the median of seven passes after one that is not counted.

use std::{env, error::Error, hint::black_box, num::NonZeroU16, process::ExitCode, sync::Arc};

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use storefront::{
    import::{Policy, Product, Status, Variant},
    money::{Currency, Money},
    shop::{
        Cell, Ids, Shop, schema,
        search::{Query, Scope},
        store,
    },
};
use tenancy_core::{
    ReadWrite, SearchDocument, SearchFunction, TenantContext,
    db::{CellDb, CellOptions},
    isolation::{IsolationMode, testing},
    protocol::FenceEvent,
};
use tenancy_testkit::Postgres;
use tenancy_types::{CellId, Clock as _, Epoch, Lifecycle, SystemClock, TenantId};

type Failure = Box<dyn Error + Send + Sync>;

const PASSES: usize = 7;
const TENANTS: u32 = 3;
const PAGE: usize = 20;
const FOUND: &str = "select p.product_id, p.handle, p.title, p.vendor, p.product_type, p.lowest_price, p.highest_price,
        p.available, p.image_src, p.image_alt
    from tenancy.search_title($1, $2) s join product p on p.tenant_id = $1 and p.product_id = s.product_id
    where p.listed = 1 limit 21";
/// Titles are made of three of these.
const WORDS: [&str; 32] = [
    "amber", "basin", "cedar", "delft", "ember", "fennel", "glaze", "hazel", "indigo", "jasper",
    "kiln", "linen", "maple", "nettle", "ochre", "pewter", "quartz", "raffia", "slate", "thistle",
    "umber", "velvet", "walnut", "yarrow", "zinc", "bowl", "carafe", "dish", "ewer", "flask",
    "jug", "mug",
];

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the answer and the complaint of a command"
)]
fn main() -> ExitCode {
    // Cargo says `--bench` to every benchmark.
    let words: Vec<String> = env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    match measure(&words) {
        Ok(value) => {
            println!("{{\"value\": {value:.1}}}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

#[derive(Clone, Copy)]
enum Side {
    Ours,
    Peer,
}

#[derive(Clone, Copy)]
struct Setting {
    side: Side,
    products: usize,
    searches: usize,
    currency: Currency,
}

fn measure(words: &[String]) -> Result<f64, Failure> {
    let side = match words {
        [word] if word == "ours" => Side::Ours,
        [word] if word == "peer" => Side::Peer,
        _ => return Err("say whose search: ours or peer".into()),
    };
    let quick = env::var_os("FIGURES_QUICK").is_some_and(|value| value == "1");
    let setting = Setting {
        side,
        products: if quick { 50 } else { 500 },
        searches: if quick { 20 } else { 300 },
        currency: Currency::from_code("EUR")?,
    };
    let server = Postgres::start()?;
    let admin: PgConnectOptions = server.database()?.url().parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let cell = filled(setting, &admin).await?;
        let mut micros = Vec::with_capacity(PASSES);
        pass(setting, &cell).await?;
        for _ in 0..PASSES {
            micros.push(pass(setting, &cell).await?);
        }
        micros.sort_by(f64::total_cmp);
        Ok(micros[PASSES / 2])
    })
}

/// A cell with a few shops that have the same products.
async fn filled(setting: Setting, admin: &PgConnectOptions) -> Result<CellDb, Failure> {
    let mut connection = PgConnection::connect_with(admin).await?;
    for statement in schema::VERSIONS
        .iter()
        .flat_map(|version| version.statements)
    {
        sqlx::query(*statement).execute(&mut connection).await?;
    }
    let index = "create index product_title on product using gin (to_tsvector('simple', title))";
    sqlx::query(index).execute(&mut connection).await?;
    let document = SearchDocument::expression("to_tsvector('simple', title)");
    let search = SearchFunction::full_text("title", "product", document, "simple");
    let manifest = schema::manifest().with_searches([search])?;
    let options = CellOptions::new(NonZeroU16::MIN);
    let db = testing::cell(admin, &manifest, IsolationMode::Sealed, options).await?;
    let number = CellId::new(1).ok_or("a cell has a number")?;
    let db = CellDb::Postgres(db);
    let cell = Cell::new(number, db.clone(), Arc::new(SystemClock));
    for tenant in (1..=TENANTS).filter_map(TenantId::new) {
        fill(setting, &db, cell.ids(), tenant).await?;
    }
    sqlx::query("vacuum analyze")
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(db)
}

async fn fill(setting: Setting, db: &CellDb, ids: &Ids, tenant: TenantId) -> Result<(), Failure> {
    let event = FenceEvent::Create {
        lifecycle: Lifecycle::Active,
        epoch: Epoch::FIRST,
    };
    db.change_fence(tenant, None, event).await?;
    let ctx = TenantContext::<ReadWrite>::for_test(tenant);
    let shop = Shop {
        name: "Search".into(),
        currency: setting.currency,
    };
    let mut tx = db.begin(&ctx);
    store::set_up_shop(&mut tx, ids, tenant, &shop).await?;
    tx.commit().await?;
    for number in 0..setting.products {
        let mut tx = db.begin(&ctx);
        store::upsert_product(&mut tx, ids, tenant, &product(setting, number)).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn product(setting: Setting, number: usize) -> Product {
    let word = |factor| WORDS[number * factor % WORDS.len()];
    let variant = Variant {
        options: Vec::new(),
        sku: format!("SKU{number}"),
        price: Money::new(500 + 7 * number as i64, setting.currency),
        compare_at: None,
        grams: 0,
        barcode: String::new(),
        quantity: Some(10),
        policy: Policy::Deny,
        image: None,
    };
    Product {
        handle: format!("product-{number}"),
        title: format!("{} {} {}", word(1), word(3), word(7)),
        body_html: String::new(),
        vendor: word(11).into(),
        product_type: word(13).into(),
        category: String::new(),
        tags: vec![word(17).into()],
        collections: Vec::new(),
        published: true,
        status: Status::Active,
        seo_title: String::new(),
        seo_description: String::new(),
        options: Vec::new(),
        variants: vec![variant],
        images: Vec::new(),
    }
}

/// Microseconds a page.
async fn pass(setting: Setting, cell: &CellDb) -> Result<f64, Failure> {
    let begin = SystemClock.now();
    for number in 0..setting.searches {
        let word = WORDS[number % WORDS.len()];
        let tenant = TenantId::new(1).ok_or("a tenant has a number")?;
        let ctx = TenantContext::<ReadWrite>::for_test(tenant).to_read_only();
        let mut tx = cell.begin(&ctx);
        let found = match setting.side {
            Side::Ours => {
                let query = Query::parse(&format!("q={word}"), setting.currency)?;
                let scope = Scope {
                    tenant,
                    currency: setting.currency,
                    collection: None,
                    query: &query,
                    page: PAGE,
                };
                black_box(scope.list(&mut tx).await?).products.len()
            }
            Side::Peer => {
                let found = tx.sql(FOUND).bind(tenant.as_i64()).bind(word.to_owned());
                let rows: Vec<Row> = found.all().await?;
                black_box(rows).len()
            }
        };
        tx.commit().await?;
        if found == 0 {
            return Err(format!("nothing has the word {word}").into());
        }
    }
    let nanos = SystemClock.now().get() - begin.get();
    Ok(nanos as f64 / 1_000.0 / setting.searches as f64)
}

/// A product as a list shows it.
type Row = (
    i64,
    String,
    String,
    String,
    String,
    Option<i64>,
    Option<i64>,
    i64,
    Option<String>,
    Option<String>,
);
