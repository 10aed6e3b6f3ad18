//! `tenancy-audit`, run as people run it.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tenancy_core::isolation::IsolationMode;

use super::{
    SCHEMA, manifest,
    world::{World, run},
};

const MANIFEST: &str = r#"
[[table]]
name = "product"
kind = "tenant"
key = ["id"]
[[table]]
name = "variant"
kind = "tenant"
key = ["product_id", "id"]
parents = ["product"]
[[table]]
name = "file"
kind = "tenant"
key = ["id"]
tenant_column = "account"
tenant_type = "uuid"
schema = "files"
[[table]]
name = "event"
kind = "tenant"
key = ["id"]
partitions = 2
[[table]]
name = "currency"
kind = "shared_read"
[[table]]
name = "journal"
kind = "control_plane"
"#;

struct Desk {
    folder: TempDir,
    world: World,
}

impl Desk {
    async fn new() -> Self {
        let desk = Self {
            folder: TempDir::new().unwrap(),
            world: World::new(SCHEMA, &manifest(), IsolationMode::Sealed).await,
        };
        desk.world.make_prober().await;
        desk.write("tables.toml", MANIFEST);
        desk.write("seal.key", &format!("first:{}\n", "07".repeat(32)));
        desk
    }

    fn write(&self, name: &str, text: &str) {
        write(&self.folder.path().join(name), text);
    }

    /// With all three ways to the cell, and with these arguments instead of or beside the usual ones.
    fn audit(&self, other: &[&str]) -> Output {
        self.command(other).output().unwrap()
    }

    fn command(&self, other: &[&str]) -> Command {
        let roles = self.world.isolation.roles();
        let database = &self.world.database;
        let usual = [
            ("--manifest", "tables.toml"),
            ("--mode", "sealed"),
            ("--key-file", "seal.key"),
            ("--roles", roles.prefix()),
        ];
        let usual = usual.into_iter().filter(|(name, _)| !other.contains(name));
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenancy-audit"));
        command
            .current_dir(self.folder.path())
            .args(usual.flat_map(|(name, value)| [name, value]))
            .args(other)
            .env("TENANCY_AUDIT_URL", database.url_as(&roles.auditor()))
            .env("TENANCY_AUDIT_APP_URL", database.url_as(&roles.app()))
            .env("TENANCY_AUDIT_PROBE_URL", database.url_as(&roles.prober()));
        command
    }
}

/// A file that is its owner's alone, as a key's is to be.
pub(super) fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
}

#[track_caller]
pub(super) fn check(output: &Output, code: i32) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    let text = String::from_utf8_lossy(out).into_owned();
    let errors = String::from_utf8_lossy(err);
    assert_eq!(output.status.code(), Some(code), "{text}{errors}");
    format!("{text}{errors}")
}

#[tokio::test]
async fn findings_are_reported_until_they_are_known_or_gone() {
    let desk = Desk::new().await;
    let clean = check(&desk.audit(&[]), 0);
    assert!(clean.contains("unprobed public.currency"), "{clean}");
    assert!(
        clean.ends_with("0 errors, 0 warnings, 0 known, 0 outdated, 1 unprobed\n"),
        "{clean}"
    );

    let mut admin = desk.world.admin().await;
    let app = desk.world.isolation.roles().app();
    let policy = format!("create policy open on product to {app} using (true)");
    run(&mut admin, &policy).await;
    let found = check(&desk.audit(&[]), 1);
    let object = "policy open on public.product (a17fcf0a)";
    assert!(
        found.starts_with(&format!("warning T5 {object}")),
        "{found}"
    );

    let known =
        format!("[[known]]\ncheck = 'T5'\nobject = '{object}'\nreason = 'support reads all'");
    desk.write("known.toml", &known);
    let found = check(&desk.audit(&["--baseline", "known.toml"]), 0);
    assert!(found.contains("(support reads all)"), "{found}");

    // Another policy of the same name is not the one that somebody has looked at.
    run(&mut admin, "alter policy open on product using (id > 0)").await;
    let found = check(&desk.audit(&["--baseline", "known.toml"]), 1);
    assert!(
        found.contains("warning T5 policy open on public.product ("),
        "{found}"
    );

    run(&mut admin, "drop policy open on product").await;
    let outdated = check(&desk.audit(&["--baseline", "known.toml"]), 1);
    assert!(
        outdated.contains(&format!("outdated T5 {object}")),
        "{outdated}"
    );
    desk.write("known.toml", &(known + "\nmay_be_absent = true"));
    check(&desk.audit(&["--baseline", "known.toml"]), 0);
}

#[tokio::test]
async fn programs_read_the_same_findings() {
    let desk = Desk::new().await;
    let mut admin = desk.world.admin().await;
    run(&mut admin, "alter table product disable row level security").await;
    let text = check(&desk.audit(&["--format", "json"]), 1);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&report["version"], &report["clean"]),
        (&json!(1), &json!(false))
    );
    let ids: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    // The probe finds by trying what the catalogs say.
    assert!(
        ids.contains(&&json!("T3")) && ids.contains(&&json!("B1")),
        "{ids:?}"
    );

    let text = check(&desk.audit(&["--format", "sarif"]), 1);
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    for result in run["results"].as_array().unwrap() {
        let rule = &run["tool"]["driver"]["rules"]
            [usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert_eq!(rule["defaultConfiguration"]["level"], result["level"]);
    }
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), ids.len());
}

#[tokio::test]
async fn what_cannot_be_audited_is_not_clean() {
    let desk = Desk::new().await;
    desk.write("wrong.toml", "[[tables]]");
    for wrong in [
        &["--manifest", "wrong.toml"][..],
        &["--manifest", "missing.toml"],
        &["--baseline", "wrong.toml"],
        &["--roles", "Shop"],
        &["--mode", "plain"],
        &["--app-url", "no url"],
    ] {
        check(&desk.audit(wrong), 2);
    }
    let nobody = desk.world.database.url_as("nobody");
    let away = desk.audit(&["--url", &nobody]);
    assert!(check(&away, 3).contains("failed  the catalogs: audit the cell's isolation"));
    let superuser = desk.world.database.url();
    let refused = desk.audit(&["--probe-url", &superuser]);
    assert!(check(&refused, 3).contains("is a superuser"));
    let mover = desk
        .world
        .database
        .url_as(&desk.world.isolation.roles().mover());
    let refused = desk.audit(&["--probe-url", &mover]);
    assert!(check(&refused, 3).contains("cannot become the application"));
}

#[tokio::test]
async fn what_was_found_is_printed_when_a_part_cannot_be_looked_at() {
    let desk = Desk::new().await;
    let mut admin = desk.world.admin().await;
    run(
        &mut admin,
        "alter table product no force row level security",
    )
    .await;
    run(&mut admin, "drop table tenancy.fence cascade").await;
    let text = check(&desk.audit(&[]), 3);
    assert!(text.contains("error   T3 public.product"), "{text}");
    assert!(text.contains("error   T14 tenancy.fence"), "{text}");
    assert!(text.contains("failed  the probe"), "{text}");
    let text = check(&desk.audit(&["--format", "json"]), 3);
    let report: Value = serde_json::from_str(&text[..=text.rfind('}').unwrap()]).unwrap();
    assert_eq!(report["clean"], json!(false));
    assert_eq!(report["failed"][0]["part"], json!("the probe"));
}

/// A file that was given by mistake may be a secret one.
#[tokio::test]
async fn what_stands_in_a_file_is_not_repeated() {
    let desk = Desk::new().await;
    for wrong in ["--manifest", "--baseline"] {
        let text = check(&desk.audit(&[wrong, "seal.key"]), 2);
        assert!(text.contains("seal.key"), "{text}");
        assert!(!text.contains("0707"), "{text}");
    }
}

#[tokio::test]
async fn a_reader_that_has_read_enough_does_not_change_the_code() {
    let desk = Desk::new().await;
    let mut command = desk.command(&["--format", "json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
