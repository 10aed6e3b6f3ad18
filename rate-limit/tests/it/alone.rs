//! The crate is useful alone: whoever wants only a limiter does not compile a web framework or a database.

use std::{collections::BTreeSet, process::Command};

#[test]
fn it_needs_few_crates_and_one_of_ours() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-e", "normal", "--prefix", "none", "--no-dedupe"])
        .args(["--format", "{p}", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let (text, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{complaint}");
    let crates: BTreeSet<&str> = text.lines().filter_map(|l| l.split(' ').next()).collect();
    assert!(crates.contains("tenancy-rate-limit"), "{crates:?}");
    assert!(crates.len() <= 20, "{} crates: {crates:?}", crates.len());
    let ours: Vec<_> = crates
        .iter()
        .filter(|c| c.starts_with("tenancy-"))
        .collect();
    assert_eq!(ours, [&"tenancy-rate-limit", &"tenancy-types"]);
    for unwanted in ["sqlx", "idna", "axum", "tokio"] {
        assert!(!crates.contains(unwanted), "{crates:?}");
    }
}
