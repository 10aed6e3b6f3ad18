//! Nanoseconds of processor time that [`RouteLayer`] adds to a request of an axum application.
//!
//! ```sh
//! cargo bench -p tenancy-cell-router --features layer --bench layer -- --hosts hot
//! cargo bench -p tenancy-cell-router --features layer --bench layer -- --hosts uniform --pages huge
//! cargo bench -p tenancy-cell-router --features layer --bench layer -- --hosts hot --against insertion
//! ```
//!
//! The last line is the answer: `{"value": 95.1}`. With `FIGURES_QUICK=1` in the environment the table and the work are
//! a twentieth.
//!
//! The same router answers with and without the layer around it, in one thread, without a connection, by turns. The table
//! has 2 million hosts; `hot` asks for one of them, `uniform` for all equally often. Requests are made in blocks outside
//! of what is timed, so that what is measured cold is the table and not the request. The value is the median of the
//! differences of the blocks' medians. The peer `insertion` knows one route and no host: it adds that one to every
//! request, which is what any layer must do that hands a value on by the request's extensions.

#[path = "routes/hosts.rs"]
mod hosts;
#[path = "routes/pages.rs"]
mod pages;
#[path = "routes/processor.rs"]
mod processor;
#[path = "routes/table.rs"]
mod table;

use std::{env, error::Error, fmt::Debug, hint::black_box, process::ExitCode, sync::Arc};

use axum::{Router, body::Body, routing::get};
use http::{Request, Response, header::HOST};
use tenancy_cell_router::RouteLayer;
use tenancy_types::Route;
use tower::{Layer as _, Service, ServiceExt as _};

use hosts::Hosts;
use processor::processor_time;

type Failure = Box<dyn Error + Send + Sync>;

/// Requests that are made, and then timed.
const BLOCK: usize = 256;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the answer and the complaint of a command"
)]
fn main() -> ExitCode {
    match Setting::from_args(env::args().skip(1)).and_then(|setting| measure(&setting)) {
        Ok((value, None)) => println!("{{\"value\": {value:.3}}}"),
        Ok((value, Some(peer))) => println!("{{\"value\": {value:.3}, \"peer\": {peer:.3}}}"),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

struct Setting {
    /// How many of the hosts are asked for.
    asked: u32,
    huge: bool,
    against_insertion: bool,
}

impl Setting {
    fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut setting = Self {
            asked: 1,
            huge: false,
            against_insertion: false,
        };
        while let Some(arg) = args.next() {
            // Cargo says this to every benchmark.
            if arg == "--bench" {
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
            match (arg.as_str(), value.as_str()) {
                ("--hosts", "hot") => setting.asked = 1,
                ("--hosts", "uniform") => setting.asked = u32::MAX,
                ("--pages", "small") => setting.huge = false,
                ("--pages", "huge") => setting.huge = true,
                ("--against", "insertion") => setting.against_insertion = true,
                _ => return Err(format!("{arg} {value} is not known here").into()),
            }
        }
        Ok(setting)
    }
}

#[expect(clippy::print_stderr, reason = "for whoever watches")]
fn measure(setting: &Setting) -> Result<(f64, Option<f64>), Failure> {
    if setting.huge {
        pages::ask_for_huge()?;
    }
    let is_quick = env::var_os("FIGURES_QUICK").is_some_and(|value| value == "1");
    let (count, blocks) = if is_quick {
        (50_000, 60)
    } else {
        (2_000_000, 1_500)
    };
    let hosts = Hosts::new(count);
    let table = Arc::new(table::build(hosts)?.0);
    let route = Route {
        tenant: hosts.tenant(0),
        placement: table::home(hosts.tenant(0), 1),
    };
    let bare = Router::new().route("/", get(async || "a page"));
    let layered = RouteLayer::new(table).layer(bare.clone());
    let inserting = bare.clone().map_request(move |mut request: Request<Body>| {
        request.extensions_mut().insert(route);
        request
    });
    let mut random = fastrand::Rng::with_seed(7);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let [mut of_bare, mut of_ours, mut of_peer] = [const { Vec::new() }; 3];
        for _ in 0..blocks {
            let numbers = std::iter::repeat_with(|| random.u32(..setting.asked.min(count)));
            let numbers: Vec<u32> = numbers.take(BLOCK).collect();
            let without = block(&bare, hosts, &numbers).await?;
            of_bare.push(without);
            of_ours.push(block(&layered, hosts, &numbers).await? - without);
            if setting.against_insertion {
                of_peer.push(block(&inserting, hosts, &numbers).await? - without);
            }
        }
        eprintln!("{:.1} ns without a layer", middle(of_bare));
        let peer = setting.against_insertion.then(|| middle(of_peer));
        Ok((middle(of_ours), peer))
    })
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Nanoseconds a request.
async fn block<S>(service: &S, hosts: Hosts, numbers: &[u32]) -> Result<f64, Failure>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone,
    S::Error: Debug,
{
    let mut host = String::new();
    let mut requests = Vec::with_capacity(numbers.len());
    for number in numbers {
        hosts.write(*number, &mut host);
        let request = Request::get("/").header(HOST, &host);
        requests.push(request.body(Body::empty())?);
    }
    let begin = processor_time()?;
    for request in requests {
        let response = service.clone().oneshot(request).await;
        let response = response.map_err(|error| format!("{error:?}"))?;
        if !response.status().is_success() {
            return Err(format!("{}", response.status()).into());
        }
        black_box(response);
    }
    let nanos = (processor_time()? - begin).as_nanos();
    Ok(nanos as f64 / numbers.len() as f64)
}
