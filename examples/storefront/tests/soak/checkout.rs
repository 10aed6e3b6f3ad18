//! `kill -9` at random moments under a crowd of buyers, in shops of several cells.
//!
//! A round is [`LIVES`] lives of the process. After each start buyers ask again what they were told before,
//! and hear the same to the letter; what they were not told is bought by the same key, or by nobody. At the
//! end everything is settled, and the files are read: no acknowledged order is lost or there twice, no charge
//! is without its order and no paid order without exactly one charge, and every piece of stock is where the
//! events and the orders say.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;

use crate::{
    books::{self, Books},
    buyers::Market,
    platform::Folder,
    setting,
};

const LIVES: usize = 12;
const SHOPS: usize = 6;
/// The longest life after the first request.
const LONGEST_LIFE_MICROS: u64 = 900_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a round of `cargo xtask soak checkout`"]
async fn checkout_loses_and_doubles_nothing() {
    let (seed, round) = (setting("SOAK_SEED"), setting("SOAK_ROUND"));
    let mut random = Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(round));
    let mut platform = Market::platform(Folder::new());
    let market = Arc::new(Market::open(&platform, SHOPS).await);
    for _ in 0..LIVES {
        // Not to wait for something: the moment itself is what is random.
        let moment = tokio::time::sleep(Duration::from_micros(random.u64(..LONGEST_LIFE_MICROS)));
        let folder = market.until_killed(platform, &mut random, moment).await;
        // Then the worker ends orders, while buyers go on with them.
        if random.bool() {
            books::let_orders_expire(folder.path()).await;
        }
        platform = Market::platform(folder);
        market.ask_what_is_answered(&platform, 5).await;
    }
    market.ask_what_is_open(&platform).await;
    market.ask_what_is_answered(&platform, 1).await;
    market.ask_otherwise(&platform, 20).await;
    let (_, folder) = platform.stop("-TERM");
    let books = Books::read(folder.path()).await;
    assert_eq!(books.findings(&market), [""; 0]);
    assert!(books.paid() > LIVES, "{} orders prove little", books.paid());
}
