//! Starts one server, says where it lives, and holds it until standard input ends.
//!
//! `cargo run -p tenancy-testkit --features browser -- postgres` gives a scratch database for as long as the terminal is
//! open; `replica` and `pgbouncer` give one that is reached through them, `redis` a Redis. The clean-up
//! tests run it too, and end it in every way a test can end.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a person or a test reads the lines"
)]

use std::error::Error;
use std::io::Read as _;
use std::num::NonZeroU32;
use std::process::ExitCode;

use tenancy_testkit::{Browser, PgBouncer, Postgres, Redis};

fn main() -> ExitCode {
    match hold() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn hold() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("postgres") => {
            let cluster = Postgres::start()?;
            say_and_wait(&cluster.database()?.url());
        }
        Some("replica") => {
            let cluster = Postgres::start()?;
            let database = cluster.database()?;
            let replica = cluster.replica()?;
            replica.wait_for(&cluster.log_position()?)?;
            say_and_wait(&replica.database(&database).url());
        }
        Some("pgbouncer") => {
            let cluster = Postgres::start()?;
            let pooler = PgBouncer::start(&cluster, NonZeroU32::MIN)?;
            say_and_wait(&pooler.database(&cluster.database()?).url());
        }
        Some("redis") => say_and_wait(&Redis::start()?.url()),
        Some("browser") => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            let browser = runtime.block_on(Browser::start())?;
            say_and_wait(profile(&browser).ok_or("the browser names no profile")?);
        }
        _ => return Err("usage: hold postgres|replica|pgbouncer|redis|browser".into()),
    }
    Ok(())
}

fn profile(browser: &Browser) -> Option<&str> {
    let session = browser.client().session_creation_response()?;
    session
        .capabilities()?
        .get("chrome")?
        .get("userDataDir")?
        .as_str()
}

/// Panics when it reads anything, to show that a panic cleans up too.
#[expect(
    clippy::print_stdout,
    reason = "the line is what a person or a test reads"
)]
fn say_and_wait(place: &str) {
    println!("{place}");
    let mut order = String::new();
    let _ended = std::io::stdin().read_to_string(&mut order);
    assert!(order.is_empty(), "told to {order}");
}
