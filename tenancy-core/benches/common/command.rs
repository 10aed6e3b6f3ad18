//! What this crate's benchmarks have in common: each reads words and values, and answers with one line.

use std::{env, error::Error, process::ExitCode};

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The last line is the answer, `{"value": 95.1}`. Exit code 2 with a complaint when there is none.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the answer and the complaint of a command"
)]
pub(crate) fn answer(measure: impl FnOnce(Words) -> Result<f64, Failure>) -> ExitCode {
    match Words::read(env::args().skip(1)).and_then(measure) {
        Ok(value) => {
            println!("{{\"value\": {value:.3}}}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// `--side ours --work update`, in pairs.
pub(crate) struct Words(Vec<(String, String)>);

impl Words {
    fn read(mut args: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut words = Vec::new();
        while let Some(word) = args.next() {
            // Cargo says this to every benchmark.
            if word == "--bench" {
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{word} needs a value"))?;
            words.push((word, value));
        }
        Ok(Self(words))
    }

    /// Each word and its value; `take` says whether it knows them.
    pub(crate) fn each(
        &self,
        mut take: impl FnMut(&str, &str) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        for (word, value) in &self.0 {
            if !take(word, value)? {
                return Err(format!("{word} {value} is not known here").into());
            }
        }
        Ok(())
    }
}

/// Whether a run is to see that the benchmark works, and not how fast it is.
pub(crate) fn is_quick() -> bool {
    env::var_os("FIGURES_QUICK").is_some_and(|value| value == "1")
}

/// Of at least one value.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
