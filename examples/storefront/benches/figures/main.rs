//! What the storefront costs and how fast it answers, seen from outside: the real program and its peer, each a
//! process of its own, over real sockets.
//!
//! ```sh
//! cargo bench -p storefront --bench figures -- page-cpu ours
//! ```
//!
//! The last line is the answer: `{"value": 12.5}`. With `FIGURES_QUICK=1` in the environment it does a small
//! part of the work, on few shops.
//!
//! | measure | value |
//! | --- | --- |
//! | `page-latency` | milliseconds within which 95 of 100 product pages are answered, at a moderate rate |
//! | `page-cpu` | microseconds of processor time that the server takes for one product page |
//! | `checkout-cpu` | the same for one checkout |
//! | `checkout-rate-one`, `-many` | checkouts a second, of one shop or of a hundred in three cells |
//! | `checkout-p99-one`, `-many` | milliseconds within which 99 of 100 are answered, at a moderate rate |
//!
//! Everything is asked of shops that were made and filled through the operators' API before, see [`world`].
//! The load comes from this process, see [`load`], the answers from another one, see [`server`]. The
//! [`peer`] is what one would write without this project.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the answer and the remarks of a command"
)]

mod checkout;
mod http;
mod load;
mod page;
mod peer;
mod server;
mod world;

use checkout::Crowd::{ManyShops, OneShop};
use std::{env, error::Error, path::Path, process::ExitCode};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    // Cargo says `--bench` to every benchmark.
    let words: Vec<String> = env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(value)) => {
            println!("{{\"value\": {value:.3}}}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Ours,
    Peer,
}

fn run(words: &[&str]) -> Result<Option<f64>, Failure> {
    let side = |word| match word {
        "ours" => Ok(Side::Ours),
        "peer" => Ok(Side::Peer),
        _ => Err(format!("{word} is neither ours nor peer")),
    };
    match *words {
        [server::PEER, folder] => peer::serve(Path::new(folder)).map(|()| None),
        ["page-latency", who] => page::latency(side(who)?).map(Some),
        ["page-cpu", who] => page::cpu(side(who)?).map(Some),
        ["checkout-cpu", who] => checkout::cpu(side(who)?).map(Some),
        ["checkout-rate-one", who] => checkout::rate(side(who)?, OneShop).map(Some),
        ["checkout-rate-many", who] => checkout::rate(side(who)?, ManyShops).map(Some),
        ["checkout-p99-one", who] => checkout::latency(side(who)?, OneShop).map(Some),
        ["checkout-p99-many", who] => checkout::latency(side(who)?, ManyShops).map(Some),
        _ => Err("say what to measure, and on which side: `page-cpu ours`".into()),
    }
}

/// How much there is to do.
#[derive(Clone, Copy, Debug)]
struct Amount {
    usually: usize,
    quick: usize,
}

impl Amount {
    fn get(self) -> usize {
        let quick = env::var_os("FIGURES_QUICK").is_some_and(|value| value == "1");
        if quick { self.quick } else { self.usually }
    }
}
