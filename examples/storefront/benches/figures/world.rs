//! Shops to ask: made once a program through the operators' API, then copied for each measurement.
//!
//! Each shop has [`PRODUCTS`] products with nine variants, three pictures, four tags and two collections, and
//! a description of a kilobyte; more of everything is in stock than is ever bought.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Failure, Side,
    http::{self, Connection},
    server::{OURS, Server},
};

pub(crate) const PRODUCTS: usize = 12;

/// The file of plans in a world's folder.
pub(crate) const PLANS_FILE: &str = "plans.toml";

/// One plan, whose limits nobody reaches: they are checked all the same.
const PLANS: &str = "[[plan]]\nname = \"basic\"\nrate = 1000000\nburst = 1000000\nconcurrency = 1000\n\
    connections = 8\nstatement_timeout_ms = 5000\n";

/// What a world's folder holds besides the platform's own files.
const SHOPS_FILE: &str = "shops.json";
const PAGES_FILE: &str = "pages.json";
const MADE_BY_FILE: &str = "made-by";

/// Operators that make shops at one time.
const OPERATORS: usize = 4;

/// A shop of the world.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Shop {
    pub(crate) host: String,
    pub(crate) tenant: i64,
    /// The name of its cell, and so of the database file.
    pub(crate) cell: String,
    pub(crate) variants: Vec<i64>,
}

/// A page and the hash of its content.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Page {
    host: String,
    path: String,
    hash: String,
}

/// A folder with a platform's data, used by one server.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) shops: Vec<Shop>,
}

impl World {
    /// A copy of the world with this many shops.
    pub(crate) fn of(shops: usize) -> Result<Self, Failure> {
        let kept = kept(shops)?;
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        for entry in fs::read_dir(kept)? {
            let entry = entry?;
            // The platform makes its folders anew.
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), folder.path().join(entry.file_name()))?;
            }
        }
        let shops = shops_in(folder.path())?;
        Ok(Self { folder, shops })
    }

    /// Whether this server answers some pages as the storefront does, to the letter: a peer that shows less
    /// would be no peer.
    pub(crate) fn check_pages(&self, server: &Server) -> Result<(), Failure> {
        let expect: Vec<Page> = serde_json::from_slice(&fs::read(self.path().join(PAGES_FILE))?)?;
        let found = pages(server, &self.shops)?;
        match expect
            .iter()
            .zip(found)
            .find(|(expect, found)| *expect != found)
        {
            Some((page, _)) => Err(format!("another page than ours: {page:?}").into()),
            None => Ok(()),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

pub(crate) fn shops_in(folder: &Path) -> Result<Vec<Shop>, Failure> {
    Ok(serde_json::from_slice(&fs::read(folder.join(SHOPS_FILE))?)?)
}

/// The address of a product's page.
pub(crate) fn product_path(number: usize) -> String {
    format!("/products/product-{number}")
}

/// The world that copies are made of; made anew when another program made it.
fn kept(shops: usize) -> Result<PathBuf, Failure> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("world-of-{shops}"));
    let program = blake3::hash(&fs::read(OURS)?).to_string();
    let made_by = fs::read_to_string(folder.join(MADE_BY_FILE)).unwrap_or_default();
    if made_by == program {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    eprintln!("making {shops} shops, once for this program");
    fs::write(folder.join(PLANS_FILE), PLANS)?;
    let server = Server::start(Side::Ours, &folder)?;
    let mut made = make_shops(&server, &folder, shops)?;
    list_variants(&server, &mut made)?;
    let pages = pages(&server, &made)?;
    drop(server);
    fs::write(folder.join(SHOPS_FILE), serde_json::to_vec(&made)?)?;
    fs::write(folder.join(PAGES_FILE), serde_json::to_vec(&pages)?)?;
    // Last: a world with this file is whole.
    fs::write(folder.join(MADE_BY_FILE), program)?;
    Ok(folder)
}

fn list_variants(server: &Server, shops: &mut [Shop]) -> Result<(), Failure> {
    let mut visitor = Connection::open(&server.shops)?;
    for shop in shops {
        let answer = visitor.send(&http::get(&shop.host, "/api/products"))?;
        let listed: Value = serde_json::from_slice(answer.body)?;
        let products = listed["products"].as_array().ok_or("a list of products")?;
        for variant in products
            .iter()
            .filter_map(|product| product["variants"].as_array())
            .flatten()
        {
            let id = variant["variant_id"]
                .as_str()
                .ok_or("a variant has an id")?;
            shop.variants.push(id.parse()?);
        }
    }
    Ok(())
}

/// All products of some shops.
fn pages(server: &Server, shops: &[Shop]) -> Result<Vec<Page>, Failure> {
    let mut visitor = Connection::open(&server.shops)?;
    let mut pages = Vec::new();
    for shop in shops.iter().step_by(shops.len().div_ceil(5)) {
        for number in 0..PRODUCTS {
            let (host, path) = (shop.host.clone(), product_path(number));
            let answer = visitor.send(&http::get(&host, &path))?;
            if answer.status != 200 {
                return Err(format!("{host}{path}: {}", answer.status).into());
            }
            let hash = blake3::hash(answer.body).to_string();
            pages.push(Page { host, path, hash });
        }
    }
    Ok(pages)
}

fn make_shops(server: &Server, folder: &Path, count: usize) -> Result<Vec<Shop>, Failure> {
    let ops = server.ops.as_deref().ok_or("ours has operators")?;
    let token = fs::read_to_string(folder.join("operator.token"))?;
    let (next, products) = (AtomicUsize::new(0), products());
    let operate = || -> Result<Vec<Shop>, Failure> {
        let mut operator = Operator {
            connection: Connection::open(ops)?,
            token: token.trim(),
        };
        let mut made = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(made);
            }
            made.push(operator.make_shop(number, &products)?);
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..OPERATORS).map(|_| scope.spawn(operate)).collect();
        let ends = threads
            .into_iter()
            .map(|thread| thread.join().expect("it does not panic"));
        let made: Result<Vec<Vec<Shop>>, Failure> = ends.collect();
        Ok(made?.concat())
    })
}

struct Operator<'t> {
    connection: Connection,
    token: &'t str,
}

impl Operator<'_> {
    fn make_shop(&mut self, number: usize, products: &str) -> Result<Shop, Failure> {
        let slug = format!("shop-{number}");
        let new = json!({"slug": slug, "plan": "basic", "domains": []}).to_string();
        let made = self.post("/v1/tenants", &slug, &new)?;
        let (tenant, cell) = (made["tenant_id"].as_i64(), made["cell"].as_str());
        let shop = Shop {
            host: format!("{slug}.localhost"),
            tenant: tenant.ok_or("a shop has an id")?,
            cell: cell.ok_or("a shop has a cell")?.to_owned(),
            variants: Vec::new(),
        };
        let path = format!("/v1/tenants/{slug}/import");
        let report = self.post(&path, &format!("fill-{slug}"), products)?;
        if report["created"].as_u64() != Some(PRODUCTS as u64) {
            return Err(format!("not everything was imported: {report}").into());
        }
        Ok(shop)
    }

    fn post(&mut self, path: &str, key: &str, body: &str) -> Result<Value, Failure> {
        let headers = format!(
            "authorization: Bearer {}\r\nidempotency-key: {key}\r\n",
            self.token
        );
        let answer = self
            .connection
            .send(&http::post("ops", path, &headers, body))?;
        let body = String::from_utf8_lossy(answer.body);
        if !matches!(answer.status, 200 | 201) {
            return Err(format!("{path}: {} {body}", answer.status).into());
        }
        Ok(serde_json::from_str(&body)?)
    }
}

fn products() -> String {
    let mut csv = "Handle,Title,Body (HTML),Vendor,Type,Tags,Option1 Name,Option1 Value,Option2 Name,Option2 Value,\
        Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,\
        Image Src,Image Position,Image Alt Text,Collection\n"
        .to_owned();
    let sentence =
        "Made by hand in a small workshop, from material that lasts, and mended when it does not. ";
    let body = format!("\"<p>{}</p>\"", sentence.repeat(12));
    for product in 0..PRODUCTS {
        for variant in 0..9 {
            let (colour, size) = (
                ["Oat", "Moss", "Rust"][variant / 3],
                ["S", "M", "L"][variant % 3],
            );
            let first = match variant {
                0 => format!(
                    "Product {product},{body},Workshop {},Type {},\"new, made by hand, gift, sale\",Colour,{colour},Size,{size}",
                    product % 3,
                    product % 4
                ),
                _ => format!(",,,,,,{colour},,{size}"),
            };
            let picture = match variant {
                0..3 => format!(
                    "/pictures/{product}-{variant}.jpg,{},Product {product}",
                    variant + 1
                ),
                _ => ",,".to_owned(),
            };
            let collection = ["New", "Gifts"].get(variant).copied().unwrap_or_default();
            writeln!(
                csv,
                "product-{product},{first},SKU-{product}-{variant},shopify,1000000,deny,{}.50,{picture},{collection}",
                10 + variant
            )
            .expect("writing to a String cannot fail");
        }
    }
    csv
}
