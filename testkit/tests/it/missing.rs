//! A server that is not installed is an error that says how to get it.

use std::process::Command;

#[test]
fn a_missing_browser_is_named_with_a_way_to_get_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_hold"))
        .arg("browser")
        .env("PATH", "/nonexistent")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: Chromium not found on this machine; get it with `cargo xtask test --install`, or: apt-get install chromium\n"
    );
}
