//! Microseconds of processor time that a request costs a gateway, against the least that a proxy over hyper-util can be.
//!
//! ```sh
//! cargo bench -p tenancy-cell-router --features gateway --bench proxy -- core
//! cargo bench -p tenancy-cell-router --features gateway --bench proxy -- ours
//! cargo bench -p tenancy-cell-router --features gateway --bench proxy -- idle
//! ```
//!
//! `core` is `EdgeLayer` and `Proxy`, their connections accepted as the bare proxy's are; `ours` has `Server` around
//! them, with its time limits.
//!
//! `idle` opens connections to a proxy of ours that stay open and silent after one request each, and answers with the
//! KiB of its memory for each.
//!
//! The last line is the answer: `{"value": 31.5, "peer": 30.2}`. With `FIGURES_QUICK=1` in the environment there is less
//! of it.
//!
//! Both proxies run as processes of one thread each, side by side, in front of one upstream in this process, which also
//! sends the requests: as a browser sends them, over some connections that stay open, answered with 1 KiB. Blocks of
//! requests go to one and the other by turns; each says by getrusage what a block has cost it, user and system time. The
//! values are the medians over the blocks; the interval of the ratio of neighbours, by bootstrap, is told on standard
//! error.

#[path = "proxy/load.rs"]
mod load;
#[path = "proxy/proxies.rs"]
mod proxies;

use std::{env, error::Error, process::ExitCode};

use load::{Upstream, World};
use proxies::Kind;

type Failure = Box<dyn Error + Send + Sync>;

#[expect(clippy::print_stderr, reason = "the complaint of a command")]
fn main() -> ExitCode {
    let mut args = env::args().skip(1).filter(|arg| arg != "--bench");
    let done = match (args.next().as_deref(), args.next()) {
        (Some("ours") | None, _) => {
            measure(Kind::Ours).map(|(value, peer)| answer((value, Some(peer))))
        }
        (Some("core"), _) => measure(Kind::Core).map(|(value, peer)| answer((value, Some(peer)))),
        (Some("idle"), _) => idle().map(|value| answer((value, None))),
        (Some("serve-ours"), Some(upstream)) => proxies::serve(Kind::Ours, &upstream),
        (Some("serve-core"), Some(upstream)) => proxies::serve(Kind::Core, &upstream),
        (Some("serve-bare"), Some(upstream)) => proxies::serve(Kind::Bare, &upstream),
        (Some(other), _) => Err(format!("{other} is not known here").into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn answer((value, peer): (f64, Option<f64>)) {
    match peer {
        Some(peer) => println!("{{\"value\": {value:.3}, \"peer\": {peer:.3}}}"),
        None => println!("{{\"value\": {value:.3}}}"),
    }
}

/// KiB of memory that an idle connection takes. The server takes 10,000 at a time, those of the load included.
fn idle() -> Result<f64, Failure> {
    let is_quick = env::var_os("FIGURES_QUICK").is_some_and(|value| value == "1");
    let connections = if is_quick { 500 } else { 9_980 };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let upstream = Upstream::start().await?;
        let mut ours = World::start(Kind::Ours, &upstream).await?;
        // What is allocated once.
        ours.block(1_000).await?;
        ours.idle(connections).await
    })
}

#[expect(clippy::print_stderr, reason = "for whoever watches")]
fn measure(kind: Kind) -> Result<(f64, f64), Failure> {
    let is_quick = env::var_os("FIGURES_QUICK").is_some_and(|value| value == "1");
    let (pairs, block) = if is_quick { (5, 1_000) } else { (40, 4_000) };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let upstream = Upstream::start().await?;
        let mut ours = World::start(kind, &upstream).await?;
        let mut bare = World::start(Kind::Bare, &upstream).await?;
        // The first blocks make the connections.
        ours.block(block).await?;
        bare.block(block).await?;
        let (mut costs, mut peers) = (Vec::new(), Vec::new());
        for pair in 0..pairs {
            // Who goes first changes, so that neither has always the warmer caches.
            if pair % 2 == 0 {
                costs.push(ours.block(block).await?);
                peers.push(bare.block(block).await?);
            } else {
                peers.push(bare.block(block).await?);
                costs.push(ours.block(block).await?);
            }
        }
        let ratios: Vec<f64> = costs.iter().zip(&peers).map(|(a, b)| a / b).collect();
        let (low, high) = interval(&ratios);
        let ratio = middle(&ratios);
        eprintln!("ratio {ratio:.3}, 95 % from {low:.3} to {high:.3}, {pairs} pairs");
        Ok((middle(&costs), middle(&peers)))
    })
}

fn middle(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Where 95 of 100 medians of samples of the values lie.
fn interval(values: &[f64]) -> (f64, f64) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut medians: Vec<f64> = (0..2_000)
        .map(|_| {
            let sample: Vec<f64> = values
                .iter()
                .map(|_| values[random.usize(..values.len())])
                .collect();
            middle(&sample)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    (medians[49], medians[1_949])
}
