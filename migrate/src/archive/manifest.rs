use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tenancy_types::{CellId, Epoch, TenantId, UnixMicros};

use super::{ArchiveError, FORMAT, Flaw, MANIFEST, clip::clip};

/// What an archive says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveManifest {
    /// When it was made.
    pub exported_at: UnixMicros,
    /// The tenant it was made of.
    pub tenant: TenantId,
    /// The cell in which the tenant was.
    pub cell: CellId,
    /// The tenant's epoch then.
    pub epoch: Epoch,
    /// The version of the application's schema.
    pub schema_version: u32,
    /// What the application says about the tenant: the text of a JSON object.
    pub about: Box<str>,
    /// The tables, parents first.
    pub tables: Vec<ArchivedTable>,
}

/// What an archive says of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchivedTable {
    /// Its name.
    pub name: Box<str>,
    /// Its columns without the tenant's, in the order of the lines.
    pub columns: Vec<Box<str>>,
    /// How many lines.
    pub rows: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The BLAKE3 hash of those bytes, 64 hexadecimal digits.
    pub blake3: Box<str>,
}

/// The text of `manifest.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    exported_at: i64,
    tenant_id: u32,
    cell: u16,
    epoch: String,
    schema_version: u32,
    about: Box<RawValue>,
    tables: Vec<ArchivedTable>,
}

/// The one field that every format has, so that a newer one is called by its name.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

impl ArchiveManifest {
    pub(super) fn to_text(&self) -> Result<Vec<u8>, ArchiveError> {
        let written = Written {
            format: FORMAT,
            exported_at: self.exported_at.get(),
            tenant_id: self.tenant.get(),
            cell: self.cell.get(),
            epoch: self.epoch.to_string(),
            schema_version: self.schema_version,
            about: object(&self.about).ok_or(ArchiveError::About)?,
            tables: self.tables.clone(),
        };
        let mut text = serde_json::to_vec_pretty(&written).expect("it has only keys of text");
        text.push(b'\n');
        Ok(text)
    }

    pub(super) fn from_text(text: &[u8]) -> Result<Self, Flaw> {
        let AnyFormat { format } = parse(text)?;
        if format != FORMAT {
            let expected = FORMAT;
            return Err(Flaw::Format {
                expected,
                found: format,
            });
        }
        let written: Written = parse(text)?;
        let tenant = TenantId::new(written.tenant_id);
        let cell = CellId::new(written.cell);
        let epoch = written.epoch.parse();
        check_tables(&written.tables)?;
        Ok(Self {
            exported_at: UnixMicros::new(written.exported_at),
            tenant: tenant.ok_or_else(|| value("tenant_id", &written.tenant_id))?,
            cell: cell.ok_or_else(|| value("cell", &written.cell))?,
            epoch: epoch.map_err(|_| value("epoch", &written.epoch))?,
            schema_version: written.schema_version,
            about: object(written.about.get())
                .ok_or_else(|| value("about", &written.about.get()))?
                .get()
                .into(),
            tables: written.tables,
        })
    }

    /// How long the tar file is, in bytes; `None` when that is beyond all measure.
    pub(super) fn file_bytes(&self, manifest: u64) -> Option<u64> {
        let entries = [manifest, CHECKSUM_BYTES].into_iter();
        let tables = self.tables.iter().map(|table| table.bytes);
        entries.chain(tables).try_fold(END, |sum: u64, bytes| {
            let padded = bytes.checked_next_multiple_of(BLOCK)?;
            sum.checked_add(padded)?.checked_add(BLOCK)
        })
    }
}

/// Tar pads every entry to whole blocks, puts a header of one before each, and ends with two empty ones.
const BLOCK: u64 = 512;
const END: u64 = 2 * BLOCK;

/// Digits and a line feed.
pub(super) const CHECKSUM_BYTES: u64 = 65;

/// The text of `manifest.blake3`.
pub(super) fn checksum(manifest: &[u8]) -> String {
    format!("{}\n", blake3::hash(manifest))
}

/// What is wrong with the manifest itself.
pub(super) fn flawed(flaw: Flaw) -> ArchiveError {
    flaw.at(MANIFEST)
}

fn parse<'t, T: Deserialize<'t>>(text: &'t [u8]) -> Result<T, Flaw> {
    serde_json::from_slice(text).map_err(|error| Flaw::json(&error))
}

fn object(text: &str) -> Option<Box<RawValue>> {
    let raw: Box<RawValue> = serde_json::from_str(text).ok()?;
    raw.get().starts_with('{').then_some(raw)
}

fn value(field: &str, found: &impl ToString) -> Flaw {
    Flaw::Value {
        field: field.into(),
        found: clip(&found.to_string()),
    }
}

/// Names become names of entries, so they are plain: no dots, no slashes.
fn check_tables(tables: &[ArchivedTable]) -> Result<(), Flaw> {
    let plain = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        (1..=63).contains(&name.len()) && name.bytes().all(plain)
    };
    let mut names = HashSet::new();
    for table in tables {
        if !plain(&table.name) || !names.insert(&table.name) {
            return Err(value("the name of a table", &table.name));
        }
        let mut columns = HashSet::new();
        if let Some(twice) = table.columns.iter().find(|column| !columns.insert(*column)) {
            return Err(value("a second column", twice));
        }
    }
    Ok(())
}
