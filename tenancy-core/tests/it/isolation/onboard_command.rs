//! From a schema to an isolated cell with commands alone, run as people run them.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tenancy_testkit::{Database, Postgres};

use super::{
    audit_command::{check, write},
    world::{Outcome, outcome, refused, rows, run},
};

const SCHEMA: &str = "
create table product (tenant_id bigint not null, id bigint, title text, primary key (tenant_id, id));
create table currency (code text primary key);
insert into product values (1, 1, 'Mug'), (2, 1, 'Bowl');
";

struct Desk {
    folder: TempDir,
    database: Database,
}

impl Desk {
    async fn new() -> Self {
        let desk = Self {
            folder: TempDir::new().unwrap(),
            database: Postgres::shared().database().unwrap(),
        };
        run(&mut desk.connect(&desk.database.url()).await, SCHEMA).await;
        desk
    }

    async fn connect(&self, url: &str) -> PgConnection {
        PgConnection::connect(url).await.unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tenancy-audit"))
            .current_dir(self.folder.path())
            .args(arguments)
            .env("TENANCY_AUDIT_URL", self.database.url())
            .env("TENANCY_AUDIT_ADMIN_URL", self.database.url())
            .output()
            .unwrap()
    }

    /// With the manifest and the roles.
    fn cell(&self, command: &[&str], other: &[&str]) -> Output {
        let usual = ["--manifest", "tables.toml", "--roles", self.database.name()];
        self.command(&[command, &usual, other].concat())
    }

    fn write(&self, name: &str, text: &str) {
        write(&self.folder.path().join(name), text);
    }
}

#[tokio::test]
async fn commands_lead_from_a_schema_to_a_cell_that_is_clean() {
    let desk = Desk::new().await;
    let found = check(&desk.command(&["introspect"]), 1);
    desk.write("tables.toml", &found);
    let undecided = check(&desk.cell(&["plan"], &["--mode", "plain"]), 2);
    assert!(undecided.contains("nobody has decided yet whose rows are in currency"));
    let decided = found
        .replace(
            "undecided\"\nname = \"currency",
            "shared_read\"\nname = \"currency",
        )
        .replace("key = [\"code\"]\nkeeps_primary_key = true\n", "");
    desk.write("tables.toml", &decided);

    let printed = check(&desk.cell(&["plan"], &["--mode", "plain"]), 0);
    let dry = ["--mode", "plain", "--dry-run"];
    assert_eq!(check(&desk.cell(&["install"], &dry), 0), printed);
    let mut admin = desk.connect(&desk.database.url()).await;
    let stands = "select 1 where to_regclass('tenancy.fence') is not null";
    assert_eq!(outcome(&mut admin, stands).await, Outcome::Rows(0));

    // What is printed is what is installed.
    run(&mut admin, &printed).await;
    let again = check(&desk.cell(&["install"], &["--mode", "plain"]), 0);
    assert_eq!(again, "0 changes\n");
    let audited = check(&desk.cell(&[], &["--mode", "plain"]), 0);
    assert!(audited.starts_with("0 errors, 0 warnings"), "{audited}");

    let app = format!("{}_app", desk.database.name());
    let mut app = desk.connect(&desk.database.url_as(&app)).await;
    assert_eq!(
        rows(&mut admin, "select * from product")
            .await
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        outcome(&mut app, "select * from product").await,
        Outcome::Rows(0)
    );
    assert_eq!(
        outcome(&mut app, "select * from currency").await,
        Outcome::Rows(0)
    );
    let insert = "insert into currency values ('EUR')";
    assert_eq!(outcome(&mut app, insert).await, refused("42501"));
}

#[tokio::test]
async fn a_sealed_cell_gets_its_key() {
    let desk = Desk::new().await;
    desk.write(
        "tables.toml",
        "[[table]]\nname = 'product'\nkind = 'tenant'\nkey = ['id']\n",
    );
    desk.write("seal.key", &format!("first:{}\n", "07".repeat(32)));
    let sealed = ["--mode", "sealed", "--key-file", "seal.key"];
    let text = check(&desk.cell(&["install"], &sealed), 0);
    assert!(text.contains("made function tenancy.enter"), "{text}");
    assert!(text.contains("made seal key first"), "{text}");
    let again = check(&desk.cell(&["install"], &sealed), 0);
    assert_eq!(again, "0 changes\n");
    // Another secret of that id is refused, and nothing is done.
    desk.write("seal.key", &format!("first:{}\n", "08".repeat(32)));
    let plain = ["--mode", "plain", "--key-file", "seal.key"];
    let taken = check(&desk.cell(&["install"], &plain), 3);
    assert!(
        taken.contains("the cell knows another key of the id first"),
        "{taken}"
    );
    // Whoever reads the key is every tenant.
    let others = Permissions::from_mode(0o640);
    std::fs::set_permissions(desk.folder.path().join("seal.key"), others).unwrap();
    let warned = check(&desk.cell(&["install"], &plain), 3);
    assert!(
        warned.contains("warning: seal.key: not its owner alone"),
        "{warned}"
    );
    // A plain cell has the key by which it will be sealed.
    desk.write("seal.key", &format!("second:{}\n", "08".repeat(32)));
    let text = check(&desk.cell(&["install"], &plain), 0);
    assert!(text.contains("made seal key second"), "{text}");
    let mut admin = desk.connect(&desk.database.url()).await;
    let key = "select 1 from tenancy.seal_key where id = 'first'";
    assert_eq!(outcome(&mut admin, key).await, Outcome::Rows(1));
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let desk = Desk::new().await;
    check(&desk.command(&["introspect", "--url", "no url"]), 2);
    let nobody = desk.database.url_as("nobody");
    let away = check(&desk.command(&["introspect", "--url", &nobody]), 3);
    assert!(away.contains("ask the database for its tables"), "{away}");
    desk.write(
        "tables.toml",
        "[[table]]\nname = 'product'\nkind = 'tenant'\nkey = ['number']\n",
    );
    let missing = check(&desk.cell(&["install"], &["--mode", "plain"]), 3);
    assert!(
        missing.contains("table public.product has no column number"),
        "{missing}"
    );
    let json = check(&desk.command(&["introspect", "--json"]), 1);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["tables"][0]["looks"], "unconnected");
    assert_eq!(json["tables"][1]["looks"], "tenants");
    assert_eq!(json["decided"], false);
    let product = &json["tables"][1];
    assert_eq!(product["tenant_column"], "tenant_id");
    assert_eq!(product["tenant_type"], "bigint");
    assert_eq!(product["keeps_primary_key"], false);
    assert!(
        product["partitions"].is_null() && product["refused"].is_null(),
        "{product}"
    );
}

/// A file that nobody has to decide about and that no command takes is no success.
#[tokio::test]
async fn tables_that_make_no_manifest_are_no_success() {
    let desk = Desk::new().await;
    let rename = "drop table currency; alter table product rename to \"Product\"";
    run(&mut desk.connect(&desk.database.url()).await, rename).await;
    let text = check(&desk.command(&["introspect"]), 1);
    let why = "no manifest: \"Product\" in the declaration of table \"Product\" is no plain lower-case identifier";
    assert!(text.contains(why), "{text}");
    assert!(text.contains("# No manifest takes it: "), "{text}");
    let back = "alter table \"Product\" rename to product";
    run(&mut desk.connect(&desk.database.url()).await, back).await;
    let text = check(&desk.command(&["introspect"]), 0);
    desk.write("tables.toml", &text);
    check(&desk.cell(&["plan"], &["--mode", "plain"]), 0);
}
