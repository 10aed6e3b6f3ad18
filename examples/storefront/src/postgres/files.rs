use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tenancy_core::isolation::{Net, Roles};
use tenancy_types::CellId;
use tokio::task::spawn_blocking;

use super::{CellUrl, Credentials, KeySecret, Place};

/// The files of cells in Postgres: `cells/cell-4.toml` of a data folder, for its owner's eyes alone.
#[derive(Clone, Debug)]
pub struct CellFiles {
    folder: PathBuf,
}

/// Why the file of a cell cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It, or its folder, cannot be read or written.
    #[error("use {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It does not say what the file of a cell says. What it does say is not repeated: it is secret.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
    /// There is no file of this cell.
    #[error("there is no file {}: make the cell with `storefront cell init`", path.display())]
    NoCell {
        /// Where it would be.
        path: PathBuf,
    },
    /// No cell of this database is known.
    #[error("no file in {} is of {place}: make the cell with `storefront cell init`", folder.display())]
    NoPlace {
        /// The folder of the files.
        folder: PathBuf,
        /// The database.
        place: Place,
    },
}

/// What stands in a file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    cell: String,
    region: String,
    roles: String,
    net: bool,
    app: String,
    mover: String,
    auditor: String,
    seal_key: StoredKey,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    id: String,
    secret: String,
}

const HEAD: &str = "# Whoever reads this file can be the platform in this cell. `storefront cell init` wrote it.\n";

impl CellFiles {
    /// Those of a data folder, which need not be there.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        Self {
            folder: data.join("cells"),
        }
    }

    /// The file of a cell.
    #[must_use]
    pub fn path(&self, cell: CellId) -> PathBuf {
        self.folder.join(format!("{cell}.toml"))
    }

    /// What a file says.
    ///
    /// # Errors
    /// [`FileError`], [`NoCell`](FileError::NoCell) when it is not there.
    pub fn read(path: &Path) -> Result<Credentials, FileError> {
        let text = fs::read_to_string(path).map_err(|source| {
            let path = path.to_owned();
            match source.kind() {
                io::ErrorKind::NotFound => FileError::NoCell { path },
                _ => FileError::Io { path, source },
            }
        })?;
        let unreadable = |why| FileError::Unreadable {
            path: path.into(),
            why,
        };
        let stored: Stored = toml::from_str(&text)
            .map_err(|_| unreadable("it is not the TOML that `storefront cell init` writes"))?;
        stored.read().map_err(unreadable)
    }

    /// What is known of a cell, if anything.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn of_cell(&self, cell: CellId) -> Result<Option<Credentials>, FileError> {
        match Self::read(&self.path(cell)) {
            Err(FileError::NoCell { .. }) => Ok(None),
            read => read.map(Some),
        }
    }

    /// All cells that are known, in order.
    ///
    /// # Errors
    /// [`FileError`] of the first file that cannot be used.
    pub fn all(&self) -> Result<Vec<Credentials>, FileError> {
        let failed = |source| FileError::Io {
            path: self.folder.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|end| end == "toml") {
                all.push(Self::read(&path)?);
            }
        }
        all.sort_by_key(|credentials| credentials.cell);
        Ok(all)
    }

    /// The cell in this database, if one is known.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn at(&self, place: &Place) -> Result<Option<Credentials>, FileError> {
        let all = self.all()?;
        Ok(all.into_iter().find(|known| known.place() == *place))
    }

    /// What leads into the cell of this URL: the URL, and the cell's file for the rest.
    ///
    /// # Errors
    /// [`FileError`], [`NoPlace`](FileError::NoPlace) when there is no such file.
    pub fn with_app(&self, app: CellUrl) -> Result<Credentials, FileError> {
        let place = app.place();
        let Some(mut credentials) = self.at(&place)? else {
            let folder = self.folder.clone();
            return Err(FileError::NoPlace { folder, place });
        };
        // A URL without a password names the cell.
        if app.password().is_some() || app.role() != credentials.app.role() {
            credentials.app = app;
        }
        Ok(credentials)
    }

    /// Waits until nobody else makes a cell in this data folder; it is so until what this returns is dropped.
    ///
    /// # Errors
    /// [`FileError::Io`].
    ///
    /// # Cancel safety
    /// A dropped future may still take its turn, and gives it up at once.
    pub async fn lock(&self) -> Result<File, FileError> {
        let path = self.folder.with_extension("lock");
        let failed = {
            let path = path.clone();
            move |source| FileError::Io { path, source }
        };
        let lock = spawn_blocking(move || {
            if let Some(data) = path.parent() {
                DirBuilder::new().recursive(true).mode(0o700).create(data)?;
            }
            let file = File::create(&path)?;
            file.lock().map(|()| file)
        });
        // What panics there panics here.
        lock.await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
            .map_err(failed)
    }

    /// Writes a cell's file in one step, durably, readable by its owner alone.
    ///
    /// # Errors
    /// [`FileError::Io`]; the file is as it was.
    pub fn save(&self, credentials: &Credentials) -> Result<(), FileError> {
        let path = self.path(credentials.cell);
        self.write(&path, &Stored::of(credentials))
            .map_err(|source| FileError::Io { path, source })
    }

    fn write(&self, path: &Path, stored: &Stored) -> io::Result<()> {
        let text = toml::to_string(stored).map_err(io::Error::other)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let unfinished = path.with_extension("new");
        // One that a crash left behind may have been readable to others.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(HEAD.as_bytes())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        File::open(&self.folder)?.sync_all()
    }
}

impl Stored {
    fn of(credentials: &Credentials) -> Self {
        Self {
            cell: credentials.cell.to_string(),
            region: credentials.region.to_string(),
            roles: credentials.roles.prefix().to_owned(),
            net: credentials.net == Net::Yes,
            app: credentials.app.revealed().to_owned(),
            mover: credentials.mover.revealed().to_owned(),
            auditor: credentials.auditor.revealed().to_owned(),
            seal_key: StoredKey {
                id: credentials.key.id().to_owned(),
                secret: credentials.key.digits().to_owned(),
            },
        }
    }

    fn read(&self) -> Result<Credentials, &'static str> {
        let url = |text: &str, why| text.parse::<CellUrl>().map_err(|_| why);
        Ok(Credentials {
            cell: self.cell.parse().map_err(|_| "`cell` is no cell")?,
            region: self.region.parse().map_err(|_| "`region` is no region")?,
            roles: Roles::named(&self.roles).map_err(|_| "`roles` is no prefix of roles")?,
            net: if self.net { Net::Yes } else { Net::No },
            app: url(&self.app, "`app` is no URL of Postgres")?,
            mover: url(&self.mover, "`mover` is no URL of Postgres")?,
            auditor: url(&self.auditor, "`auditor` is no URL of Postgres")?,
            key: KeySecret::stored(&self.seal_key.id, &self.seal_key.secret)
                .ok_or("`seal_key` is no key of 64 hexadecimal digits")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn credentials(number: u16) -> Credentials {
        let at: CellUrl = format!("postgres://root@db/shops{number}?sslmode=require")
            .parse()
            .unwrap();
        let cell = CellId::new(number).unwrap();
        let roles = Roles::named("shops").unwrap();
        Credentials::fresh(cell, "eu".parse().unwrap(), roles, &at)
    }

    #[test]
    fn a_file_is_read_as_it_was_saved_and_is_its_owners_alone() {
        let data = tempfile::tempdir().unwrap();
        let files = CellFiles::of(data.path());
        assert_eq!(files.all().unwrap(), []);
        let [fourth, first] = [4, 1].map(credentials);
        files.save(&fourth).unwrap();
        files.save(&first).unwrap();
        files.save(&fourth).unwrap();
        assert_eq!(files.all().unwrap(), [first.clone(), fourth.clone()]);
        assert_eq!(files.of_cell(fourth.cell).unwrap(), Some(fourth.clone()));
        assert_eq!(files.at(&first.place()).unwrap(), Some(first));
        for (path, mode) in [
            (files.path(fourth.cell), 0o600),
            (data.path().join("cells"), 0o700),
        ] {
            let found = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode);
        }
    }

    #[test]
    fn a_url_chooses_the_cell_and_may_bring_its_password() {
        let data = tempfile::tempdir().unwrap();
        let files = CellFiles::of(data.path());
        let known = credentials(4);
        files.save(&known).unwrap();
        let with_app = |url: &str| files.with_app(url.parse().unwrap());
        assert_eq!(with_app("postgres://shops_app@db/shops4").unwrap(), known);
        let other = with_app("postgres://shops_app:other@db/shops4").unwrap();
        assert_eq!(
            (other.app.password(), &other.mover),
            (Some("other"), &known.mover)
        );
        // Whether that role may serve is for the audit to say.
        assert_eq!(
            with_app("postgres://postgres@db/shops4")
                .unwrap()
                .app
                .role(),
            "postgres"
        );
        let error = with_app("postgres://shops_app:secret@db/shops5").unwrap_err();
        assert!(matches!(error, FileError::NoPlace { .. }));
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_without_its_secrets() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("cell-4.toml");
        let good = toml::to_string(&Stored::of(&credentials(4))).unwrap();
        for (from, to, expect) in [
            ("cell-4", "four", "`cell` is no cell"),
            (
                "roles = \"shops\"",
                "roles = \"a b\"",
                "`roles` is no prefix of roles",
            ),
            (
                "app = \"postgres:",
                "app = \"mysql:",
                "`app` is no URL of Postgres",
            ),
            (
                "secret = \"",
                "secret = \"z",
                "`seal_key` is no key of 64 hexadecimal digits",
            ),
            (
                "cell = ",
                "sell = ",
                "it is not the TOML that `storefront cell init` writes",
            ),
        ] {
            let text = good.replace(from, to);
            assert_ne!(text, good);
            fs::write(&path, text).unwrap();
            let error = CellFiles::read(&path).unwrap_err().to_string();
            assert!(error.ends_with(expect), "{error}");
        }
    }
}
