//! What is no archive, or not any more.

use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;
use tenancy_migrate::{Archive, ArchiveError};
use tenancy_types::{Kind, Lifecycle, Problem as _};

use crate::{
    archives::{VERSION, file_of},
    cells::{self, fill, manifest, tenant},
};

/// The bytes of an archive.
async fn whole() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let cell = cells::sqlite().await;
    let shop = tenant(&cell.db, 7, Lifecycle::Active).await;
    fill(&cell.db, &shop, 12).await;
    std::fs::read(file_of(&cell.db, &shop, &folder).await).unwrap()
}

async fn open(folder: &TempDir, bytes: &[u8]) -> Result<Archive, ArchiveError> {
    let path = folder.path().join("any.tar");
    std::fs::write(&path, bytes).unwrap();
    Archive::open(path).await
}

/// The entries of a tar file, with every byte of theirs.
fn entries(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut tar = tar::Archive::new(bytes);
    let entry = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        (name, content)
    };
    tar.entries().unwrap().map(entry).collect()
}

/// No byte of a file can be lost, and none changed, without its being noticed; but for the filling between
/// entries, which holds nothing.
#[test]
fn damage_is_noticed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let whole = runtime.block_on(whole());
    let folder = tempfile::tempdir().unwrap();
    let open = |bytes: &[u8]| runtime.block_on(open(&folder, bytes));
    let manifest = open(&whole).unwrap().manifest().clone();
    proptest!(ProptestConfig::with_cases(400), |(at in 0..whole.len(), bit in 0..8_u32)| {
        let cut = open(&whole[..at]).unwrap_err();
        prop_assert!(matches!(cut, ArchiveError::Invalid { .. }), "{cut:?}");
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << bit;
        match open(&flipped) {
            Err(error) => prop_assert!(matches!(error, ArchiveError::Invalid { .. }), "{error:?}"),
            Ok(archive) => {
                prop_assert_eq!(archive.manifest(), &manifest);
                prop_assert_eq!(entries(&flipped), entries(&whole));
            }
        }
    });
}

type Entries = Vec<(String, Vec<u8>)>;

/// A tar file of these entries, in their order.
fn tar_of(entries: &Entries) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        // Written past the checks of the writer, which does not make what escapes a folder.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, &**content).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Changes a manifest's text and its checksum with it.
fn remake(entries: &mut Entries, change: impl Fn(String) -> String) {
    let text = String::from_utf8(std::mem::take(&mut entries[0].1)).unwrap();
    entries[0].1 = change(text).into_bytes();
    entries[1].1 = format!("{}\n", blake3::hash(&entries[0].1)).into_bytes();
}

/// Changes a table's text, and what the manifest says of it except for the number of rows.
fn rewrite(entries: &mut Entries, table: usize, change: impl Fn(String) -> String) {
    let before = entries[2 + table].1.clone();
    let after = change(String::from_utf8(before.clone()).unwrap()).into_bytes();
    remake(entries, |manifest| {
        let bytes = |content: &[u8]| format!("\"bytes\": {},", content.len());
        let hash = |content: &[u8]| blake3::hash(content).to_string();
        manifest
            .replace(&bytes(&before), &bytes(&after))
            .replace(&hash(&before), &hash(&after))
    });
    entries[2 + table].1 = after;
}

#[track_caller]
fn check(error: &ArchiveError, expect: &str) {
    assert_eq!(error.to_string(), expect);
    assert_eq!(error.kind(), Kind::Invalid);
    assert_eq!(error.code().as_str(), "archive_invalid");
    assert_eq!(error.client_text(), expect);
}

#[tokio::test]
async fn an_error_says_what_is_wrong_and_where() {
    type Change = fn(&mut Entries);
    let cases: [(Change, &str); 19] = [
        (|all| all.clear(), "manifest.json: the file ends before it"),
        (
            |all| all.swap(0, 1),
            "manifest.json: entry \"manifest.blake3\" is in its place",
        ),
        (
            |all| all[0].1.push(b' '),
            "manifest.json: its checksum is not the one that was written down",
        ),
        (
            |all| remake(all, |text| text.replace("\"format\": 1", "\"format\": 2")),
            "manifest.json: it is of format 2, this program reads format 1",
        ),
        (
            |all| remake(all, |text| text.replace("\"cell\": 1", "\"cell\": 5000")),
            "manifest.json: cell cannot be \"5000\"",
        ),
        (
            |all| remake(all, |text| text.replace("\"tenant_id\"", "\"tenant\"")),
            "manifest.json: unknown field `tenant`, expected one of `format`, `exported_at`, `tenant_id`, \
             `cell`, `epoch`, `schema_version`, `about`, `tables` at line 4 column 10",
        ),
        (
            |all| remake(all, |text| text.replace("\"shop\"", "\"../shop\"")),
            "manifest.json: the name of a table cannot be \"../shop\"",
        ),
        (
            |all| remake(all, |text| text.replace("\"shop\"", "\"product\"")),
            "manifest.json: the name of a table cannot be \"product\"",
        ),
        (
            |all| drop(all.pop()),
            "the whole file: it has 6656 bytes, not 7680",
        ),
        (
            |all| all.push(("tables/more.jsonl".into(), Vec::new())),
            "the whole file: it has 8192 bytes, not 7680",
        ),
        (
            |all| all[4].0 = "../../etc/passwd".into(),
            "tables/shop.jsonl: entry \"../../etc/passwd\" is in its place",
        ),
        (
            |all| all[3].0 = all[2].0.clone(),
            "tables/variant.jsonl: entry \"tables/product.jsonl\" is in its place",
        ),
        (
            |all| rewrite(all, 2, |text| text.replace("\"name\"", "\"names\"")),
            "tables/shop.jsonl, line 1: column names is where name should be, at column 8",
        ),
        (
            |all| rewrite(all, 0, |text| text.replacen("\"id\":3", "\"id\":true", 1)),
            "tables/product.jsonl, line 3: invalid type: boolean `true`, expected null, an integer of 64 bits, \
             a float or a text, at column 10",
        ),
        (
            |all| rewrite(all, 0, |text| text.replacen(",\"weight\":0.1", "", 1)),
            "tables/product.jsonl, line 1: column weight is missing, at column 35",
        ),
        (
            |all| rewrite(all, 0, |text| text.replacen("0.1}", "0.1,\"id\":1}", 1)),
            "tables/product.jsonl, line 1: column id is one too many, at column 52",
        ),
        (
            |all| {
                let beyond = "\"id\":9223372036854775808";
                rewrite(all, 0, |text| text.replacen("\"id\":1", beyond, 1));
            },
            "tables/product.jsonl, line 1: 9223372036854775808 is beyond 64 bits with a sign, at column 25",
        ),
        (
            |all| rewrite(all, 2, |text| text.trim_end().into()),
            "tables/shop.jsonl, line 1: it does not end with a line feed",
        ),
        (
            |all| rewrite(all, 2, |text| text.repeat(2)),
            "tables/shop.jsonl, line 2: it has 2 rows, not 1",
        ),
    ];
    let (whole, folder) = (entries(&whole().await), tempfile::tempdir().unwrap());
    open(&folder, &tar_of(&whole)).await.unwrap();
    for (change, expect) in cases {
        let mut changed = whole.clone();
        change(&mut changed);
        let error = open(&folder, &tar_of(&changed)).await.unwrap_err();
        check(&error, expect);
    }
}

#[tokio::test]
async fn only_plain_files_are_entries() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [
        tar::EntryType::Symlink,
        tar::EntryType::Directory,
        tar::EntryType::GNULongName,
        tar::EntryType::XHeader,
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_path("manifest.json").unwrap();
        header.set_cksum();
        let mut tar = tar::Builder::new(Vec::new());
        tar.append(&header, std::io::empty()).unwrap();
        let error = open(&folder, &tar.into_inner().unwrap()).await.unwrap_err();
        check(&error, "manifest.json: it is no plain file");
    }
}

#[tokio::test]
async fn what_is_no_tar_is_no_archive() {
    let folder = tempfile::tempdir().unwrap();
    for bytes in [&b"PK\x03\x04"[..], &[7; 2048], &[b'{'; 513]] {
        let error = open(&folder, bytes).await.unwrap_err();
        assert!(matches!(error, ArchiveError::Invalid { .. }), "{error:?}");
    }
    let missing = Archive::open(Path::new("/nowhere/shop.tar"))
        .await
        .unwrap_err();
    assert!(matches!(missing, ArchiveError::Missing), "{missing:?}");
    assert_eq!(missing.kind(), Kind::NotFound);
}

/// JSON may write a value in more than one way. What is there is compared by values, not by letters.
#[tokio::test]
async fn other_spellings_are_the_same_rows() {
    let (mut all, folder) = (entries(&whole().await), tempfile::tempdir().unwrap());
    rewrite(&mut all, 0, |text| {
        text.replacen("{\"id\":1,", "{ \"id\" : 1, ", 1)
            .replacen("Mug", "\\u004dug", 3)
            .replacen("0.1}", "1e-1}", 2)
            .replacen("0.1}", "-0.0}", 1)
    });
    let archive = open(&folder, &tar_of(&all)).await.unwrap();
    cells::on_both(async |cell| {
        let new = tenant(cell, 2, Lifecycle::Provisioning).await;
        for _ in 0..2 {
            let loaded = archive.load(cell, &new, &manifest(), VERSION).await;
            loaded.unwrap();
        }
    })
    .await;
}

/// A value of another type than its column's is found out before the first row is written.
#[tokio::test]
async fn a_value_of_another_type_is_named() {
    let (mut all, folder) = (entries(&whole().await), tempfile::tempdir().unwrap());
    rewrite(&mut all, 1, |text| {
        text.replacen("\"amount\":1}", "\"amount\":\"1\"}", 1)
    });
    let archive = open(&folder, &tar_of(&all)).await.unwrap();
    cells::on_both(async |cell| {
        let new = tenant(cell, 2, Lifecycle::Provisioning).await;
        let error = archive.load(cell, &new, &manifest(), VERSION).await;
        let error = error.unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1 of the archive's table variant has a value in column amount that is no bigint"
        );
        assert!(error.is_verdict());
        assert_eq!(error.code().as_str(), "archive_mismatch");
        assert_eq!(error.client_text(), error.to_string());
        let there = tenancy_migrate::count_rows(cell, &new.to_read_only(), &manifest()).await;
        assert_eq!(there.unwrap().total(), 0);
    })
    .await;
}

/// Rows of the right types that the schema does not take are found by the load, which says where.
#[tokio::test]
async fn a_row_that_breaks_the_schema_is_named() {
    type Change = fn(String) -> String;
    let cases: [(usize, Change, &str, u64); 4] = [
        (
            0,
            |text| text.replacen("{\"id\":5,", "{\"id\":4,", 1),
            "tables/product.jsonl, line 5: a line before it has its key",
            4,
        ),
        (
            0,
            |text| text.replacen("\"title\":\"Mug\"", "\"title\":null", 1),
            "tables/product.jsonl, line 1: it has no value in a column that needs one",
            0,
        ),
        (
            1,
            |text| text.replacen("{\"product_id\":12,", "{\"product_id\":13,", 1),
            "tables/variant.jsonl, line 23: it does not fit a foreign key",
            12 + 22,
        ),
        (
            1,
            |text| text.replacen("\"b\",\"amount\":1", "\"b\",\"amount\":-1", 1),
            "tables/variant.jsonl, line 2: it does not keep a check of the schema",
            12 + 1,
        ),
    ];
    let (whole, folder) = (entries(&whole().await), tempfile::tempdir().unwrap());
    for (id, (table, change, expect, before)) in (10..).zip(cases) {
        let mut all = whole.clone();
        rewrite(&mut all, table, change);
        let archive = open(&folder, &tar_of(&all)).await.unwrap();
        cells::on_both(async |cell| {
            let new = tenant(cell, id, Lifecycle::Provisioning).await;
            // Also where a part of it is loaded already.
            for _ in 0..2 {
                let error = archive.load(cell, &new, &manifest(), VERSION).await;
                let error = error.unwrap_err();
                assert!(error.is_verdict());
                check(&error, expect);
            }
            let there = tenancy_migrate::count_rows(cell, &new.to_read_only(), &manifest()).await;
            assert_eq!(there.unwrap().total(), before, "{expect}");
        })
        .await;
    }
}
