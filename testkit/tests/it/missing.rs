//! A server that is not installed is an error that says how to get it.

use std::process::Command;

/// What the holder says when it cannot start a server.
#[track_caller]
fn check(server: &str, (variable, value): (&str, &str), expect: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_hold"))
        .arg(server)
        .env(variable, value)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, format!("error: {expect}\n"));
}

const NO_PROGRAMS: (&str, &str) = ("PATH", "/nonexistent");

#[test]
fn a_missing_server_is_named_with_a_way_to_get_it() {
    check(
        "browser",
        NO_PROGRAMS,
        "Chromium not found on this machine; get it with: apt-get install chromium (for this repository's tests, `cargo xtask test --install`)",
    );
    check(
        "redis",
        NO_PROGRAMS,
        "Redis not found on this machine; get it with: apt-get install redis-server (for this repository's tests, `cargo xtask test --install`)",
    );
}

#[test]
fn a_chosen_server_that_is_none_is_not_replaced_by_another() {
    check(
        "postgres",
        ("TENANCY_TEST_POSTGRES", "/nonexistent"),
        "TENANCY_TEST_POSTGRES is /nonexistent: No such file or directory (os error 2)",
    );
    check(
        "postgres",
        ("TENANCY_TEST_POSTGRES", "/"),
        "TENANCY_TEST_POSTGRES is /: there is no initdb in it",
    );
}
