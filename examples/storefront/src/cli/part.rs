use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tokio::{
    fs::{File, OpenOptions},
    io::AsyncWriteExt,
};

use super::error::CliError;

/// A file that is not whole yet: it is called `FILE.part` until it is, and goes away when it never is.
#[derive(Debug)]
pub(super) struct Part {
    /// The name that it gets.
    target: PathBuf,
    /// The name that it has.
    path: PathBuf,
    file: File,
    length: u64,
    is_finished: bool,
}

impl Part {
    /// An empty part of the file with this name, for its owner alone: it may have customers in it. What an attempt
    /// before has left is thrown away.
    pub(super) async fn create(target: PathBuf) -> Result<Self, CliError> {
        let mut path = target.clone().into_os_string();
        path.push(".part");
        let path = PathBuf::from(path);
        let file = create(&path).await;
        let file = file.map_err(|source| unwritten(&path, source))?;
        Ok(Self {
            target,
            path,
            file,
            length: 0,
            is_finished: false,
        })
    }

    /// Writes what comes next.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        let written = self.file.write_all(bytes).await;
        written.map_err(|source| unwritten(&self.path, source))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The file is whole: it gets its name when it is on the disk, and takes the place of an older one.
    pub(super) async fn finish(mut self) -> Result<(PathBuf, u64), CliError> {
        let finished = self.name().await;
        finished.map_err(|source| unwritten(&self.target, source))?;
        self.is_finished = true;
        Ok((self.target.clone(), self.length))
    }

    async fn name(&mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        tokio::fs::rename(&self.path, &self.target).await
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_finished {
            // What cannot be removed has a name that says what it is.
            let _ = fs::remove_file(&self.path);
        }
    }
}

async fn create(path: &Path) -> io::Result<File> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).await
}

fn unwritten(path: &Path, source: io::Error) -> CliError {
    CliError::Write {
        path: path.into(),
        source,
    }
}
