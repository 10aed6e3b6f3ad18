//! Nanoseconds of processor time that [`RouteLayer`] adds to a request of an axum application.
//!
//! ```sh
//! cargo bench -p tenancy-cell-router --features layer --bench layer -- --hosts hot
//! cargo bench -p tenancy-cell-router --features layer --bench layer -- --hosts uniform
//! ```
//!
//! The last line is the answer: `{"value": 95.1}`. With `FIGURES_QUICK=1` in the environment the table and the work are
//! a twentieth.
//!
//! The same router answers with and without the layer around it, in one thread, without a connection, by turns. The table
//! has 2 million hosts; `hot` asks for one of them, `uniform` for all equally often. Requests are made in blocks outside
//! of what is timed, so that what is measured cold is the table and not the request. The value is the median of the
//! differences of the blocks' medians.

#[path = "routes/clock.rs"]
mod clock;
#[path = "routes/hosts.rs"]
mod hosts;
#[path = "routes/table.rs"]
mod table;

use std::{env, error::Error, fmt::Debug, hint::black_box, process::ExitCode, sync::Arc};

use axum::{Router, body::Body, routing::get};
use http::{Request, Response, header::HOST};
use tenancy_cell_router::RouteLayer;
use tower::{Layer as _, Service, ServiceExt as _};

use clock::processor_time;
use hosts::Hosts;

type Failure = Box<dyn Error + Send + Sync>;

/// Requests that are made, and then timed.
const BLOCK: usize = 256;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the answer and the complaint of a command"
)]
fn main() -> ExitCode {
    // Cargo says `--bench` to every benchmark.
    let words: Vec<String> = env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    match measure(&words) {
        Ok(value) => println!("{{\"value\": {value:.3}}}"),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn measure(words: &[String]) -> Result<f64, Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let asked = match words[..] {
        ["--hosts", "hot"] => 1,
        ["--hosts", "uniform"] => u32::MAX,
        _ => return Err("say `--hosts hot` or `--hosts uniform`".into()),
    };
    let is_quick = env::var_os("FIGURES_QUICK").is_some_and(|value| value == "1");
    let (count, blocks) = if is_quick {
        (50_000, 60)
    } else {
        (2_000_000, 1_500)
    };
    let hosts = Hosts::new(count);
    let table = Arc::new(table::build(hosts)?.0);
    let bare = Router::new().route("/", get(async || "a page"));
    let layered = RouteLayer::new(table).layer(bare.clone());
    let mut random = fastrand::Rng::with_seed(7);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let mut differences = Vec::with_capacity(blocks);
        for _ in 0..blocks {
            let numbers = std::iter::repeat_with(|| random.u32(..asked.min(count)));
            let numbers: Vec<u32> = numbers.take(BLOCK).collect();
            let without = block(&bare, hosts, &numbers).await?;
            differences.push(block(&layered, hosts, &numbers).await? - without);
        }
        differences.sort_by(f64::total_cmp);
        Ok(differences[blocks / 2])
    })
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
