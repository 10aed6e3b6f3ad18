//! A storm over a Postgres cell: 64 tenants at once, whose requests are dropped, panic and lose their
//! connections, while the cell's fences change and its server dies. No read may show a foreign row, and no
//! acknowledged write may be lost.
//!
//! The tests are short storms, and storms in which a guard is missing. `cargo xtask soak isolation` runs long
//! ones: a minute for each round, of which `SOAK_SEED` and `SOAK_ROUND` decide everything random.
#![expect(
    clippy::unwrap_used,
    reason = "a test that goes wrong panics where it does"
)]

mod storm;

use std::time::Duration;

use storm::{Line, Sabotage, Storm};
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
        lasts: Duration::from_secs(2),
        seed: 7,
        sabotage: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a round of `cargo xtask soak isolation`"]
async fn isolation_holds_in_a_storm() {
    let (seed, round) = (setting("SOAK_SEED"), setting("SOAK_ROUND"));
    let seed = seed.wrapping_mul(1_000_003).wrapping_add(round);
    // Every other round is plain, beginning with a sealed one.
    let mode = match round % 2 {
        0 => IsolationMode::Sealed,
        _ => IsolationMode::Plain,
    };
    for line in [Line::Direct, Line::Pooled] {
        let storm = Storm {
            lasts: Duration::from_secs(30),
            seed,
            ..short(mode, line)
        };
        storm.run().await.assert_isolated();
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

/// Control: the same storm without row security sees foreign rows.
#[tokio::test(flavor = "multi_thread")]
async fn without_row_security_the_storm_sees_foreign_rows() {
    let storm = Storm {
        sabotage: Some(Sabotage::NoRowSecurity),
        lasts: Duration::from_secs(1),
        ..short(IsolationMode::Sealed, Line::Direct)
    };
    storm.run().await.assert_leaked();
}

/// Control: the same storm, whose transactions forget to say to the server whose they are and rely on what
/// their session was told, sees foreign rows through a pooler.
#[tokio::test(flavor = "multi_thread")]
async fn with_the_tenant_in_the_session_the_storm_sees_foreign_rows() {
    let storm = Storm {
        sabotage: Some(Sabotage::TenantInSession),
        lasts: Duration::from_secs(1),
        ..short(IsolationMode::Plain, Line::Pooled)
    };
    storm.run().await.assert_leaked();
}
