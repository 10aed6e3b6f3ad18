use proptest::prelude::*;
use tenancy_migrate::{
    Applied, AppliedState, Checksum, Database, Schema, SchemaError, Sql, Version,
};
use tenancy_types::{Kind, Problem};

const NAMES: [&str; 5] = ["one", "two", "three", "four", "five"];

fn schema(count: u32) -> Schema {
    let versions = (1..=count).zip(NAMES);
    let version = |(number, name)| {
        let sql = Sql::PerDatabase {
            sqlite: format!("create table {name} (id integer)").into(),
            postgres: format!("create table {name} (id bigint)").into(),
        };
        Version::new(number, name, sql)
    };
    Schema::new(versions.map(version)).unwrap()
}

/// The journal of a database to which the first versions were applied.
fn journal(count: u32, database: Database) -> Vec<Applied> {
    let row = |version: &Version| Applied {
        version: version.number(),
        name: version.name().into(),
        checksum: version.checksum(database),
        state: AppliedState::Done,
    };
    schema(count).versions().iter().map(row).collect()
}

#[track_caller]
fn check(schema: &Schema, journal: &[Applied], expect: Result<&[u32], &str>) {
    let found = schema.pending(Database::Sqlite, journal);
    let numbers = found.map(|versions| versions.iter().map(Version::number).collect::<Vec<_>>());
    let numbers = numbers.map_err(|error| error.to_string());
    assert_eq!(numbers.as_deref().map_err(String::as_str), expect);
}

#[test]
fn what_is_missing_is_pending() {
    check(&schema(3), &[], Ok(&[1, 2, 3]));
    check(&schema(3), &journal(1, Database::Sqlite), Ok(&[2, 3]));
    check(&schema(3), &journal(3, Database::Sqlite), Ok(&[]));
    check(&schema(0), &[], Ok(&[]));
}

#[test]
fn a_gap_is_refused() {
    let mut rows = journal(3, Database::Sqlite);
    rows.remove(1);
    check(
        &schema(3),
        &rows,
        Err("the journal lacks version 2, its next row is version 3"),
    );
    let first = journal(2, Database::Sqlite).split_off(1);
    check(
        &schema(3),
        &first,
        Err("the journal lacks version 1, its next row is version 2"),
    );
}

#[test]
fn a_newer_cell_is_refused() {
    check(
        &schema(2),
        &journal(5, Database::Sqlite),
        Err("the cell is at version 5, the newest that is known here is 2"),
    );
}

#[test]
fn a_version_begun_by_a_newer_program_is_refused() {
    let mut rows = journal(2, Database::Sqlite);
    rows[1].state = AppliedState::Intent;
    check(
        &schema(3),
        &rows,
        Err("version 2 was begun and not finished"),
    );
}

#[test]
fn a_changed_version_is_named_with_both_checksums() {
    let mut rows = journal(2, Database::Sqlite);
    rows[1].checksum = Checksum::from_journal("f00d");
    let expected = schema(2).versions()[1].checksum(Database::Sqlite);
    check(
        &schema(2),
        &rows,
        Err(&format!(
            "version 2 was changed after it was applied: two was f00d, two is {expected}"
        )),
    );
}

#[test]
fn each_database_has_a_checksum_of_its_own() {
    let found = schema(2)
        .pending(Database::Postgres, &journal(1, Database::Sqlite))
        .unwrap_err();
    assert!(
        matches!(found, SchemaError::Changed { version: 1, .. }),
        "{found:?}"
    );
    assert_eq!(found.kind(), Kind::Internal);
    let common = Version::new(1, "one", "select 1");
    assert_eq!(
        common.checksum(Database::Sqlite),
        common.checksum(Database::Postgres)
    );
}

/// The checksum is persisted in every cell: it must never change.
#[test]
fn a_checksum_is_sha_256_of_name_zero_text() {
    // printf 'shops\0create table shops (id bigint)' | sha256sum
    let version = Version::new(1, "shops", "create table shops (id bigint)");
    assert_eq!(
        version.checksum(Database::Sqlite).as_str(),
        "71fe6ce4b5d7784fda3a2c832837aec5d424a71e4b25300a78c64215fe27e0f6"
    );
    let renamed = Version::new(1, "shop", "create table shops (id bigint)");
    assert_ne!(
        version.checksum(Database::Sqlite),
        renamed.checksum(Database::Sqlite)
    );
}

#[test]
fn a_schema_is_checked() {
    #[track_caller]
    fn refused(versions: Vec<Version>, expect: &str) {
        assert_eq!(Schema::new(versions).unwrap_err().to_string(), expect);
    }
    let good = |number| Version::new(number, "good", "select 1");
    refused(
        vec![good(1), good(3)],
        "version 2 of the schema is missing, 3 stands in its place",
    );
    refused(
        vec![good(0)],
        "version 1 of the schema is missing, 0 stands in its place",
    );
    refused(
        vec![good(1), Version::new(2, "No good", "select 1")],
        "the name of version 2 must be 1 to 64 of a-z, 0-9, _ and -, not \"No good\"",
    );
    let blank = Sql::PerDatabase {
        sqlite: "select 1".into(),
        postgres: " \n".into(),
    };
    refused(
        vec![Version::new(1, "blank", blank)],
        "version 1 has no text for one of the databases",
    );
}

proptest! {
    /// Whatever single thing is wrong with a journal, nothing is pending.
    #[test]
    fn no_damaged_journal_passes(count in 1_u32..=5, known in 1_u32..=5, at in 0_usize..5, damage in 0..4) {
        let mut rows = journal(count, Database::Sqlite);
        let at = at % rows.len();
        match damage {
            0 => rows[at].version += 1,
            1 => rows[at].checksum = Checksum::from_journal(&rows[at].checksum.as_str()[1..]),
            2 => rows[at].state = AppliedState::Intent,
            _ => rows.insert(at, rows[at].clone()),
        }
        prop_assert!(schema(known).pending(Database::Sqlite, &rows).is_err());
    }
}
