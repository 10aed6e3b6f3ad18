//! Checkouts of two different products each, paid at once: of many shops in three cells, or of one.

use serde_json::json;

use crate::{
    Amount, Failure, Side, http,
    load::Load,
    server::Server,
    world::{Shop, World},
};

const SHOPS: Amount = Amount {
    usually: 100,
    quick: 6,
};

/// Checkouts before the measurement: every connection and statement is warm then.
const WARM_UP: Amount = Amount {
    usually: 400,
    quick: 20,
};

const MEASURED: Amount = Amount {
    usually: 2_000,
    quick: 60,
};

/// Buyers at one time, when each waits for the answer before buying again.
const BUYERS: usize = 16;

/// Checkouts a second that leave time between them, for the time that one takes.
const RATE: f64 = 40.0;
const RATE_MEASURED: Amount = Amount {
    usually: 600,
    quick: 30,
};
const CONNECTIONS: usize = 64;

/// Who sells.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Crowd {
    /// All buy of one shop.
    OneShop,
    /// All buy of any shop, in three cells.
    ManyShops,
}

/// Checkouts a second, as many as there can be.
pub(crate) fn rate(side: Side, crowd: Crowd) -> Result<f64, Failure> {
    let asked = Asked::start(side, crowd)?;
    asked
        .checkouts("warm", WARM_UP.get())
        .load(BUYERS)
        .closed()?;
    let checkouts = asked.checkouts("measured", MEASURED.get());
    let outcome = checkouts.load(BUYERS).closed()?;
    outcome.remark("checkouts");
    Ok(checkouts.requests.len() as f64 / outcome.took.as_secs_f64())
}

/// Milliseconds within which 99 of 100 checkouts are answered.
pub(crate) fn latency(side: Side, crowd: Crowd) -> Result<f64, Failure> {
    let asked = Asked::start(side, crowd)?;
    asked
        .checkouts("warm", WARM_UP.get())
        .load(BUYERS)
        .closed()?;
    let checkouts = asked.checkouts("measured", RATE_MEASURED.get());
    let outcome = checkouts.load(CONNECTIONS).open(RATE)?;
    outcome.remark("checkouts");
    Ok(outcome.percentile(99).as_secs_f64() * 1e3)
}

/// Microseconds of the server's processor time for one checkout.
pub(crate) fn cpu(side: Side) -> Result<f64, Failure> {
    let asked = Asked::start(side, Crowd::ManyShops)?;
    asked
        .checkouts("warm", WARM_UP.get())
        .load(BUYERS)
        .closed()?;
    let checkouts = asked.checkouts("measured", MEASURED.get());
    checkouts.load(BUYERS).cpu(&asked.server)
}

struct Asked {
    server: Server,
    shops: Vec<Shop>,
    /// Goes with its folder.
    _world: World,
}

struct Checkouts<'a> {
    address: &'a str,
    requests: Vec<Vec<u8>>,
}

impl Asked {
    fn start(side: Side, crowd: Crowd) -> Result<Self, Failure> {
        let world = World::of(SHOPS.get())?;
        let server = Server::start(side, world.path())?;
        let mut shops = world.shops.clone();
        if let Crowd::OneShop = crowd {
            shops.truncate(1);
        }
        Ok(Self {
            server,
            shops,
            _world: world,
        })
    }

    /// Checkouts under keys that begin like this.
    fn checkouts(&self, keys: &str, count: usize) -> Checkouts<'_> {
        let mut random = fastrand::Rng::with_seed(count as u64);
        let mut checkout = |number: usize| {
            let shop = &self.shops[random.usize(..self.shops.len())];
            let first = random.usize(..shop.variants.len());
            let second = first + random.usize(1..shop.variants.len());
            let item = |index: usize| {
                let variant = shop.variants[index % shop.variants.len()];
                json!({"variant_id": variant.to_string(), "quantity": 1})
            };
            let body = json!({
                "items": [item(first), item(second)],
                "email": format!("buyer-{number}@example.org"),
                "payment_token": "test",
            });
            let headers =
                format!("content-type: application/json\r\nidempotency-key: {keys}-{number}\r\n");
            http::post(&shop.host, "/api/checkout", &headers, &body.to_string())
        };
        let requests = (0..count).map(&mut checkout).collect();
        Checkouts {
            address: &self.server.shops,
            requests,
        }
    }
}

impl Checkouts<'_> {
    fn load(&self, connections: usize) -> Load<'_> {
        Load {
            address: self.address,
            connections,
            requests: &self.requests,
            status: 201,
        }
    }
}
