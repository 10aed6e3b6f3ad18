//! Product pages of many shops.

use crate::{
    Amount, Failure, Side, http,
    load::Load,
    server::Server,
    world::{self, World},
};

const SHOPS: Amount = Amount {
    usually: 1_000,
    quick: 10,
};

/// Requests before the measurement: every connection and statement is warm then.
const WARM_UP: Amount = Amount {
    usually: 2_000,
    quick: 50,
};

const MEASURED: Amount = Amount {
    usually: 8_000,
    quick: 200,
};

/// Requests a second that leave both processors of a small machine mostly idle.
const RATE: f64 = 200.0;
const RATE_MEASURED: Amount = Amount {
    usually: 2_000,
    quick: 100,
};

/// Visitors at one time, when each waits for its answer.
const VISITORS: usize = 4;
/// Enough connections that none has to wait for another's answer.
const CONNECTIONS: usize = 64;

/// Milliseconds within which 95 of 100 pages are answered.
pub(crate) fn latency(side: Side) -> Result<f64, Failure> {
    let asked = Asked::start(side)?;
    asked.pages(WARM_UP.get()).load(VISITORS).closed()?;
    let pages = asked.pages(RATE_MEASURED.get());
    let outcome = pages.load(CONNECTIONS).open(RATE)?;
    outcome.remark("product pages");
    Ok(outcome.percentile(95).as_secs_f64() * 1e3)
}

/// Microseconds of the server's processor time for one page.
pub(crate) fn cpu(side: Side) -> Result<f64, Failure> {
    let asked = Asked::start(side)?;
    asked.pages(WARM_UP.get()).load(VISITORS).closed()?;
    let pages = asked.pages(MEASURED.get());
    pages.load(VISITORS).cpu(&asked.server)
}

struct Asked {
    server: Server,
    world: World,
}

struct Pages<'a> {
    address: &'a str,
    requests: Vec<Vec<u8>>,
}

impl Asked {
    fn start(side: Side) -> Result<Self, Failure> {
        let world = World::of(SHOPS.get())?;
        let server = Server::start(side, world.path())?;
        world.check_pages(&server)?;
        Ok(Self { server, world })
    }

    /// Pages of any shop and product, equally often.
    fn pages(&self, count: usize) -> Pages<'_> {
        let mut random = fastrand::Rng::with_seed(count as u64);
        let mut page = || {
            let shop = &self.world.shops[random.usize(..self.world.shops.len())];
            http::get(
                &shop.host,
                &world::product_path(random.usize(..world::PRODUCTS)),
            )
        };
        let requests = (0..count).map(|_| page()).collect();
        Pages {
            address: &self.server.shops,
            requests,
        }
    }
}

impl Pages<'_> {
    fn load(&self, connections: usize) -> Load<'_> {
        Load {
            address: self.address,
            connections,
            requests: &self.requests,
            status: 200,
        }
    }
}
