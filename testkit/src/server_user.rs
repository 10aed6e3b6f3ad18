//! As whom a server runs.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::unistd::{User, geteuid};

use crate::Error;

/// As whom a server runs: the test's own user, except that Postgres refuses to run as root and then
/// becomes the user that its package made.
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

    /// The test's own user, or `postgres` when that is root.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when the test runs as root and there is no user `postgres`.
    pub(crate) fn unprivileged() -> Result<Self, Error> {
        if !geteuid().is_root() {
            return Ok(Self::own());
        }
        let user = User::from_name("postgres")
            .map_err(|errno| Error::io("look up user postgres")(errno.into()))?
            .ok_or(Error::Missing {
                what: "user `postgres` (the server refuses to run as root)",
                how: "useradd --system postgres",
            })?;
        let uid = user.uid.as_raw();
        Ok(Self {
            uid,
            switch: Some((uid, user.gid.as_raw())),
        })
    }

    /// The numeric user id.
    pub(crate) fn uid(self) -> u32 {
        self.uid
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
