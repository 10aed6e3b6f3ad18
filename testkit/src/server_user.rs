//! As whom a server runs.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use nix::unistd::{User, geteuid};

use crate::Error;

/// As whom a server runs: the test's own user, except that root becomes the user that the server's
/// package made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerUser {
    uid: u32,
    /// Who to become, when that is somebody else.
    switch: Option<(u32, u32)>,
}

impl ServerUser {
    /// The test's own user.
    pub(crate) fn own() -> Self {
        Self {
            uid: geteuid().as_raw(),
            switch: None,
        }
    }

    /// The test's own user, or `postgres` when that is root, as whom Postgres and its kin refuse to run.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when the test runs as root and there is no user `postgres`.
    pub(crate) fn postgres() -> Result<Self, Error> {
        Self::instead_of_root(&["postgres"])?.ok_or(Error::Missing {
            what: "user `postgres` (the server refuses to run as root)",
            how: "useradd --system postgres",
        })
    }

    /// The test's own user, or one with fewer rights when that is root.
    pub(crate) fn redis() -> Result<Self, Error> {
        let user = Self::instead_of_root(&["redis", "nobody"])?;
        Ok(user.unwrap_or_else(Self::own))
    }

    /// The test's own user, or the first of `names` that exists when that is root.
    fn instead_of_root(names: &[&str]) -> Result<Option<Self>, Error> {
        if !geteuid().is_root() {
            return Ok(Some(Self::own()));
        }
        for name in names {
            let user = User::from_name(name)
                .map_err(|errno| Error::io(format!("look up user {name}"))(errno.into()))?;
            if let Some(user) = user {
                let uid = user.uid.as_raw();
                let switch = Some((uid, user.gid.as_raw()));
                return Ok(Some(Self { uid, switch }));
            }
        }
        Ok(None)
    }

    /// The numeric user id.
    pub(crate) fn uid(self) -> u32 {
        self.uid
    }

    /// Gives a folder to this user, when that is somebody else.
    pub(crate) fn give(self, folder: &Path) -> io::Result<()> {
        match self.switch {
            Some((uid, gid)) => chown(folder, Some(uid), Some(gid)),
            None => Ok(()),
        }
    }

    /// Lets this user's group enter a folder, when that is somebody else's.
    pub(crate) fn let_in(self, folder: &Path) -> io::Result<()> {
        let Some((_, gid)) = self.switch else {
            return Ok(());
        };
        chown(folder, None, Some(gid))?;
        fs::set_permissions(folder, Permissions::from_mode(0o710))
    }

    /// Whether this user reaches a folder.
    pub(crate) fn can_enter(self, folder: &Path) -> Result<bool, Error> {
        let asked = self
            .apply(&mut Command::new("test"))
            .arg("-x")
            .arg(folder)
            .status();
        let answer = asked.map_err(Error::io("ask whether a server's user reaches a folder"))?;
        Ok(answer.success())
    }

    /// Makes `command` run as this user, in a folder that every user may enter.
    pub(crate) fn apply(self, command: &mut Command) -> &mut Command {
        command.current_dir("/");
        if let Some((uid, gid)) = self.switch {
            command.uid(uid).gid(gid);
        }
        command
    }
}
