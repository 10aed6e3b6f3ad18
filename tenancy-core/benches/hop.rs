//! Nanoseconds of processor time that a hop token costs.
//!
//! ```sh
//! cargo bench -p tenancy-core --features hop --bench hop -- --work kept
//! ```
//!
//! The last line is the answer: `{"value": 41.0}`. `--work` says what is measured: `kept`, a token of a tenant that was asked
//! for in this second already; `made`, one that was not; `checked`, what a cell does with it. With `FIGURES_QUICK=1` in the
//! environment it does a twentieth of the work. The value is the median of 15 passes.

#[path = "common/command.rs"]
mod command;

use std::{hint::black_box, process::ExitCode, time::Duration};

use http::HeaderMap;
use nix::time::{ClockId, clock_gettime};
use tenancy_core::{
    hop::{HEADER, HopSigner, HopVerifier},
    keys::{Keyring, LiveKeyring, SecretKey},
    types::{CellId, Epoch, Lifecycle, Placement, Route, SystemClock, TenantId},
};

use self::command::{Failure, Words, answer, is_quick, median};

const PASSES: usize = 15;
const TENANTS: u32 = 1_000;

fn main() -> ExitCode {
    answer(measure)
}

/// What is measured.
#[derive(Clone, Copy)]
enum Work {
    Kept,
    Made,
    Checked,
}

fn measure(words: Words) -> Result<f64, Failure> {
    let mut work = Work::Kept;
    words.each(|word, value| {
        work = match (word, value) {
            ("--work", "kept") => Work::Kept,
            ("--work", "made") => Work::Made,
            ("--work", "checked") => Work::Checked,
            _ => return Ok(false),
        };
        Ok(true)
    })?;
    let times = if is_quick() { 50 } else { 1_000 };
    let keys = LiveKeyring::new(Keyring::new(SecretKey::new("hop-2026-12", [7; 32])?));
    let cell = CellId::new(1).ok_or("a cell has a number")?;
    let signer = HopSigner::new(keys.clone(), SystemClock);
    let verifier = HopVerifier::new(keys, cell, SystemClock);
    let routes: Vec<Route> = (1..=TENANTS)
        .filter_map(TenantId::new)
        .map(|tenant| Route {
            tenant,
            placement: Placement::new(cell, Lifecycle::Active, Epoch::FIRST),
        })
        .collect();
    let mut fields = HeaderMap::new();
    let mut epoch = 1;
    let mut passes = Vec::with_capacity(PASSES);
    for _ in 0..PASSES {
        let begin = processor_time()?;
        for _ in 0..times {
            epoch += 1;
            for route in &routes {
                let mut route = *route;
                if let Work::Made = work {
                    // Of this epoch none was made before.
                    route.placement.epoch = Epoch::new(0, epoch);
                }
                let token = black_box(signer.sign(route));
                if let Work::Checked = work {
                    fields.insert(HEADER, token);
                    black_box(verifier.verify(&fields)?);
                }
            }
        }
        let nanos = processor_time()?.saturating_sub(begin).as_nanos();
        passes.push(nanos as f64 / f64::from(times) / f64::from(TENANTS));
    }
    Ok(median(&mut passes))
}

/// Of this thread: what else the machine does adds little to it.
fn processor_time() -> Result<Duration, Failure> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}
