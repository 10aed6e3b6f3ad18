//! A storm over a Postgres cell: clients of 64 tenants at once, whose requests are dropped, panic and lose their
//! connections, while the cell's fences change and its server dies. Nobody may read or change a foreign row, and
//! no acknowledged write may be lost.
//!
//! The tests are short storms, storms in which a guard is missing, and damage that the end of a storm must see.
//! `cargo xtask soak isolation` runs long ones: four of a minute for each round, of which `SOAK_SEED` and
//! `SOAK_ROUND` decide every choice, but not how tasks interleave.
#![expect(
    clippy::unwrap_used,
    reason = "a test that goes wrong panics where it does"
)]

mod storm;

use std::time::Duration;

use storm::{Enough, Line, Sabotage, Storm, Weather};
use tenancy_core::isolation::IsolationMode;

/// A number that decides a round.
fn setting(name: &str) -> u64 {
    let value = std::env::var(name).unwrap_or_else(|_| "0".to_owned());
    value
        .parse()
        .unwrap_or_else(|error| panic!("{name}={value}: {error}"))
}

fn short(mode: IsolationMode, line: Line) -> Storm {
    Storm {
        mode,
        line,
        weather: Weather::Stormy,
        lasts: Duration::from_secs(1),
        enough: Enough {
            requests: 4,
            faults: 1,
        },
        patience: Duration::from_secs(90),
        seed: 7,
        sabotage: None,
    }
}

/// In both modes, with and without a pooler, a minute each.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a round of `cargo xtask soak isolation`"]
async fn isolation_holds_in_a_storm() {
    let (seed, round) = (setting("SOAK_SEED"), setting("SOAK_ROUND"));
    for line in [Line::Direct, Line::Pooled] {
        for mode in [IsolationMode::Sealed, IsolationMode::Plain] {
            let storm = Storm {
                lasts: Duration::from_secs(60),
                enough: Enough {
                    requests: 100,
                    faults: 10,
                },
                seed: seed.wrapping_mul(1_000_003).wrapping_add(round),
                ..short(mode, line)
            };
            storm.run().await.assert_isolated();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_storm_shows_no_foreign_row() {
    let storm = short(IsolationMode::Sealed, Line::Direct);
    storm.run().await.assert_isolated();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_storm_through_a_pooler_shows_no_foreign_row() {
    let storm = short(IsolationMode::Plain, Line::Pooled);
    storm.run().await.assert_isolated();
}

/// Control: clients to whom nothing happens prove nothing.
#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "\"cut: 0 of 1\", \"hang: 0 of 1\"")]
async fn a_calm_storm_proves_nothing() {
    let storm = Storm {
        weather: Weather::Calm,
        patience: Duration::ZERO,
        ..short(IsolationMode::Sealed, Line::Direct)
    };
    storm.run().await.assert_isolated();
}

/// Control: the same requests see foreign rows when there is no row security.
#[tokio::test(flavor = "multi_thread")]
async fn without_row_security_the_storm_sees_foreign_rows() {
    let storm = Storm {
        sabotage: Some(Sabotage::NoRowSecurity),
        ..short(IsolationMode::Sealed, Line::Direct)
    };
    storm.run().await.assert_leaked();
}

/// Control: readers past the cell, who rely on what their session was told, see foreign rows through a pooler.
#[tokio::test(flavor = "multi_thread")]
async fn with_the_tenant_in_the_session_the_storm_sees_foreign_rows() {
    let storm = Storm {
        sabotage: Some(Sabotage::TenantInSession),
        ..short(IsolationMode::Plain, Line::Pooled)
    };
    storm.run().await.assert_leaked();
}

/// Clients past the cell, who do no harm as long as nothing happens to them.
fn careless(sabotage: Sabotage, weather: Weather) -> Storm {
    Storm {
        weather,
        sabotage: Some(sabotage),
        ..short(IsolationMode::Plain, Line::Direct)
    }
}

/// Control: a leak that only dropped requests make. sqlx's own transactions, dropped while they begin, leave their
/// connections inside of them.
#[tokio::test(flavor = "multi_thread")]
async fn with_the_librarys_transactions_the_storm_sees_foreign_rows() {
    let storm = careless(Sabotage::LibraryTransactions, Weather::Stormy);
    storm.run().await.assert_leaked();
}

/// Control: a leak that only panics make, in transactions that handlers begin and end themselves.
#[tokio::test(flavor = "multi_thread")]
async fn with_hand_made_transactions_the_storm_sees_foreign_rows() {
    let storm = careless(Sabotage::HandMadeTransactions, Weather::Stormy);
    storm.run().await.assert_leaked();
}

/// The same clients without trouble: it is the trouble that makes them leak.
#[tokio::test(flavor = "multi_thread")]
async fn without_trouble_careless_transactions_do_not_leak() {
    for sabotage in [
        Sabotage::LibraryTransactions,
        Sabotage::HandMadeTransactions,
    ] {
        let storm = Storm {
            patience: Duration::ZERO,
            ..careless(sabotage, Weather::Calm)
        };
        storm.run().await.assert_not_leaked();
    }
}
