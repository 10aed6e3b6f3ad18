//! What the program says of itself, and of arguments that make no sense.

use std::process::{Command, Output};

fn storefront(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_storefront"))
        .args(arguments)
        .output()
        .unwrap()
}

/// Arguments, separated by blanks, that are refused with this text.
#[track_caller]
fn refuse(arguments: &str, expect: &str) {
    let output = storefront(&arguments.split_whitespace().collect::<Vec<_>>());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments}: {stderr}");
    assert!(stderr.contains(expect), "{arguments}: {stderr}");
    assert!(output.stdout.is_empty());
}

#[test]
fn arguments_that_make_no_sense_are_wrong_usage() {
    refuse("sell", "unrecognized subcommand 'sell'");
    refuse(
        "serve --listen localhost:8080",
        "write an address like 127.0.0.1:8080",
    );
    refuse(
        "serve --ops-listen 8081",
        "write an address like 127.0.0.1:8080",
    );
    refuse(
        "serve --cells 0",
        "\"0\" is not a number of cells; write 3, or eu:2,us:1",
    );
    refuse("serve --cells eu", "\"eu\" is not a number of cells");
    refuse("serve --platform-domain a..b", "--platform-domain");
    refuse(
        "serve --platform-domain shops.example:80",
        "a domain has no port",
    );
    refuse(
        "serve --proxy-protocol-from 10.0.0.0/33",
        "--proxy-protocol-from <NETWORKS>",
    );
    refuse("serve --log-format xml", "[possible values: text, json]");
    refuse("serve --json", "unexpected argument '--json'");
    refuse("tenant", "Usage: storefront tenant <COMMAND>");
    refuse("tenant create --slug nord", "--plan <PLAN>");
    refuse(
        "tenant create --slug nord --plan basic --domain 127.0.0.1",
        "it is an address, not a domain",
    );
    refuse(
        "tenant create --slug nord --plan basic --idempotency-key ö",
        "1 to 255 visible ASCII characters",
    );
    refuse("tenant show Nord", "neither a shop's number nor its slug");
    refuse(
        "tenant show ../cells",
        "neither a shop's number nor its slug",
    );
    refuse("tenant suspend", "<SHOP>");
    refuse("import products.csv", "--tenant <SHOP>");
    refuse("tenant export nord", "--output <FILE>");
    refuse("tenant import", "<FILE>");
    refuse(
        "tenant import nord.tar --replace nord --slug west",
        "cannot be used with",
    );
    refuse("tenant import nord.tar --cell west", "invalid digit");
    refuse("tenant purge nord --yes", "--confirm <SLUG>");
    refuse("orders", "--tenant <SHOP>");
    refuse("orders --tenant nord --state lost", "it is none of pending");
    refuse("orders --tenant nord show 7", "orders");
    refuse("orders show 7", "--tenant <SHOP>");
    refuse(
        "orders show 7/fulfil --tenant nord",
        "neither an order's number nor its token",
    );
    refuse(
        "orders refund 7 --tenant nord --amount",
        "--amount <AMOUNT>",
    );
    refuse("stock", "--tenant <SHOP>");
    refuse("stock receive 42 0 --tenant nord", "0 is not in 1..");
    refuse("stock count 42 -1 --tenant nord", "-1");
    refuse("stock receive mug 1 --tenant nord", "invalid digit");
    refuse(
        "stock reorder-at 42 soon --tenant nord",
        "neither a number of pieces nor never",
    );
    refuse("audit --tenant ..", "neither a shop's number nor its slug");
    refuse("cells --ops http://127.0.0.1:8081", "--token-file <FILE>");
    refuse("cells --token-file token", "--ops <URL>");
    refuse(
        "cells --ops https://ops.example --token-file token",
        "this build has no https",
    );
    refuse(
        "cells --ops http://127.0.0.1:1 --token-file t --data d",
        "cannot be used with '--data <FOLDER>'",
    );
}

#[test]
fn every_command_has_examples_and_names_its_exit_codes() {
    for command in [
        "",
        "serve",
        "tenant",
        "tenant create",
        "tenant list",
        "tenant show",
        "tenant suspend",
        "tenant resume",
        "tenant set-plan",
        "tenant add-domain",
        "tenant remove-domain",
        "tenant export",
        "tenant import",
        "tenant offboard",
        "tenant undo",
        "tenant purge",
        "tenant receipt",
        "import",
        "orders",
        "orders show",
        "orders fulfil",
        "orders cancel",
        "orders refund",
        "stock",
        "stock receive",
        "stock count",
        "stock adjust",
        "stock reorder-at",
        "stock events",
        "stock check",
        "cells",
        "audit",
    ] {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let output = storefront(&arguments);
        let help = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{command}");
        let examples = help
            .split_once("Examples:\n")
            .unwrap_or_else(|| panic!("{command}: {help}"))
            .1;
        assert!(
            examples.contains(&format!("storefront {command}")),
            "{command}: {help}"
        );
        let codes = "0 done, 1 failed, 2 wrong usage, 3 not found, 4 conflict, 5 no server answers";
        assert!(help.contains(codes), "{command}: {help}");
    }
}

#[test]
fn plans_that_cannot_be_read_are_told_with_their_cause() {
    let output = storefront(&["serve", "--plans", "/no/such/plans.toml"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let line = stderr.lines().last().unwrap();
    assert!(
        line.starts_with("error: read plans from /no/such/plans.toml: No such file"),
        "{stderr}"
    );
}
