//! Nanoseconds of processor time for one check of one of many tenants, ours or the peer's.
//!
//! ```sh
//! cargo bench -p tenancy-rate-limit --bench limits -- --side ours --tenants 2000000 --shape zipf
//! ```
//!
//! The last line is the answer: `{"value": 12.5}`. With `FIGURES_QUICK=1` in the environment it does a
//! twentieth of the checks.
//!
//! The peer is `governor`'s keyed limiter as it comes: DashMap with the default hasher. To be fair:
//!
//! - Both get the same stream of keys, drawn before the measurement. Keys are dense ids in both; the ranks of
//!   the Zipf distribution (exponent 1.1) are shuffled over the ids, so that hot ones are not neighbours.
//! - Both read the same clock, an atomic counter that the loop moves by 20 µs every 1,024 checks. So neither
//!   pays for a system clock (some 25 ns each), which would hide most of the difference.
//! - Both have 100 a second and a burst of 100 for everybody, and know each tenant before the measurement.
//!   That takes ours nothing off: a tenant is found by its plan word in either case.
//! - Checks do not wait for each other (*pipelined*), so the processor overlaps their cache misses, for both.
//!   A single cold check takes longer, at least one miss.
//! - Ours also decides what is left and when to retry; the peer's outcome of an allowed check is empty.
//!
//! The value is the median of seven passes, of the thread's own processor time: other work on the machine
//! adds less to it than to wall time.

use std::{
    env,
    error::Error,
    hint::black_box,
    num::NonZeroU32,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{RateLimiter, nanos};
use nix::time::{ClockId, clock_gettime};
use tenancy_rate_limit::{Clock, Nanos, Plan, PlanSet, Quota, TenantId, TenantLimits};
use tenancy_types::{UnixMicros, WorkBudget};

const BATCH: usize = 1_024;
const TICK: u64 = 20_000;
const PASSES: usize = 7;
const EXPONENT: f64 = 1.1;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the answer and the complaint of a command"
)]
fn main() -> ExitCode {
    match Setting::from_args(env::args().skip(1)).and_then(|setting| measure(&setting)) {
        Ok(value) => {
            println!("{{\"value\": {value:.2}}}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

enum Side {
    Ours,
    Peer,
}

enum Shape {
    Uniform,
    Zipf,
}

struct Setting {
    side: Side,
    shape: Shape,
    tenants: u32,
    checks: usize,
}

impl Setting {
    fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let quick = env::var_os("FIGURES_QUICK").is_some_and(|value| value == "1");
        let mut setting = Self {
            side: Side::Ours,
            shape: Shape::Uniform,
            tenants: 2_000_000,
            checks: if quick { 200_000 } else { 4_000_000 },
        };
        while let Some(arg) = args.next() {
            // Cargo says this to every benchmark.
            if arg == "--bench" {
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
            match (arg.as_str(), value.as_str()) {
                ("--side", "ours") => setting.side = Side::Ours,
                ("--side", "peer") => setting.side = Side::Peer,
                ("--shape", "uniform") => setting.shape = Shape::Uniform,
                ("--shape", "zipf") => setting.shape = Shape::Zipf,
                ("--tenants", n) => setting.tenants = n.parse::<NonZeroU32>()?.get(),
                _ => return Err(format!("{arg} {value} is not known here").into()),
            }
        }
        Ok(setting)
    }

    /// The ids to check, one after the other.
    fn keys(&self) -> Vec<TenantId> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut ids: Vec<_> = (1..=self.tenants).filter_map(TenantId::new).collect();
        random.shuffle(&mut ids);
        match self.shape {
            Shape::Uniform => (0..self.checks)
                .map(|_| ids[random.usize(..ids.len())])
                .collect(),
            Shape::Zipf => zipf(&ids, self.checks, &mut random),
        }
    }
}

/// Draws with a probability of `1 / rank ^ EXPONENT`, the first id having rank 1.
fn zipf(ids: &[TenantId], checks: usize, random: &mut fastrand::Rng) -> Vec<TenantId> {
    let mut sum = 0.0;
    let mut sums = Vec::with_capacity(ids.len());
    for rank in 1..=ids.len() {
        sum += (rank as f64).powf(-EXPONENT);
        sums.push(sum);
    }
    let mut draw = || {
        let at = random.f64() * sum;
        let rank = sums.partition_point(|below| *below < at);
        ids[rank.min(ids.len() - 1)]
    };
    (0..checks).map(|_| draw()).collect()
}

fn measure(setting: &Setting) -> Result<f64, Box<dyn Error>> {
    let clock = BenchClock::default();
    let quota = Quota::per_second(100)?;
    match setting.side {
        Side::Ours => {
            let limits = ours(quota, setting.tenants, clock.clone())?;
            median(setting, &clock, |tenant| {
                limits.check(tenant, 1).is_allowed()
            })
        }
        Side::Peer => {
            let quota = NonZeroU32::new(quota.rate()).ok_or("a rate is not zero")?;
            let quota = governor::Quota::per_second(quota);
            let limiter = RateLimiter::dashmap_with_clock(quota, clock.clone());
            for tenant in (1..=setting.tenants).filter_map(TenantId::new) {
                black_box(limiter.check_key(&tenant).is_ok());
            }
            median(setting, &clock, |tenant| limiter.check_key(&tenant).is_ok())
        }
    }
}

fn ours(
    quota: Quota,
    tenants: u32,
    clock: BenchClock,
) -> Result<TenantLimits<BenchClock>, Box<dyn Error>> {
    let plan = Plan {
        name: "only".parse()?,
        quota,
        concurrency: NonZeroU32::MIN,
        work: WorkBudget::new(std::num::NonZeroU16::MIN, Duration::from_secs(1)),
    };
    let plans = PlanSet::new([plan])?;
    let (only, _) = plans.find(&"only".parse()?).ok_or("it was just made")?;
    let limits = TenantLimits::new(plans, only, tenants, clock)?;
    for tenant in (1..=tenants).filter_map(TenantId::new) {
        limits.set_plan(tenant, only)?;
        black_box(limits.check(tenant, 1).is_allowed());
    }
    Ok(limits)
}

/// The median nanoseconds a check of all passes, after one that is not counted.
fn median(
    setting: &Setting,
    clock: &BenchClock,
    check: impl Fn(TenantId) -> bool,
) -> Result<f64, Box<dyn Error>> {
    let keys = setting.keys();
    let mut values = Vec::with_capacity(PASSES);
    for pass in 0..=PASSES {
        let start = processor_time()?;
        let mut allowed = 0_usize;
        for batch in keys.chunks(BATCH) {
            clock.0.fetch_add(TICK, Ordering::Relaxed);
            for tenant in batch {
                allowed += usize::from(check(*tenant));
            }
        }
        let spent = processor_time()? - start;
        black_box(allowed);
        if pass > 0 {
            values.push(spent.as_secs_f64() * 1e9 / keys.len() as f64);
        }
    }
    values.sort_by(f64::total_cmp);
    Ok(values[PASSES / 2])
}

fn processor_time() -> Result<Duration, Box<dyn Error>> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// The clock of both sides: a number that the loop moves.
#[derive(Clone, Debug, Default)]
struct BenchClock(Arc<AtomicU64>);

impl Clock for BenchClock {
    fn now(&self) -> Nanos {
        Nanos::new(self.0.load(Ordering::Relaxed))
    }

    fn unix(&self) -> UnixMicros {
        UnixMicros::new(0)
    }
}

impl governor::clock::Clock for BenchClock {
    type Instant = nanos::Nanos;

    fn now(&self) -> Self::Instant {
        self.0.load(Ordering::Relaxed).into()
    }
}
