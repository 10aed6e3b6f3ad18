use tenancy_core::isolation::{Isolation, IsolationMode, Login, Net, Roles};
use tenancy_types::{CellId, Region};

use super::{CellUrl, KeySecret, Place};
use crate::{random, shop::schema};

/// Everything that is needed to serve a cell in a Postgres database. Whoever has it is the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The cell.
    pub cell: CellId,
    /// Where it stands.
    pub region: Region,
    /// Its roles.
    pub roles: Roles,
    /// Whether tables that are made by hand are closed by an event trigger.
    pub net: Net,
    /// The application's way in.
    pub app: CellUrl,
    /// The mover's.
    pub mover: CellUrl,
    /// The auditor's.
    pub auditor: CellUrl,
    /// What its seals are made with.
    pub key: KeySecret,
}

impl Credentials {
    /// New passwords and a new key for a cell that is reached at this address.
    pub(super) fn fresh(cell: CellId, region: Region, roles: Roles, at: &CellUrl) -> Self {
        let url = |login| at.as_role(&roles.login(login), &random::hex::<24>());
        Self {
            cell,
            region,
            net: Net::Yes,
            app: url(Login::App),
            mover: url(Login::Mover),
            auditor: url(Login::Auditor),
            key: KeySecret::random(),
            roles,
        }
    }

    /// The same roles and passwords at another address.
    pub(super) fn moved_to(mut self, at: &CellUrl) -> Self {
        for url in [&mut self.app, &mut self.mover, &mut self.auditor] {
            *url = at.as_role(url.role(), url.password().unwrap_or_default());
        }
        self
    }

    /// The way in of a role.
    #[must_use]
    pub const fn url(&self, login: Login) -> &CellUrl {
        match login {
            Login::App => &self.app,
            Login::Mover => &self.mover,
            Login::Auditor => &self.auditor,
        }
    }

    /// Which database it is.
    #[must_use]
    pub fn place(&self) -> Place {
        self.app.place()
    }

    /// What must stand in the database.
    #[must_use]
    pub fn isolation(&self) -> Isolation {
        isolation(&self.roles, self.net)
    }
}

/// The isolation of the shops' tables: sealed, since a hosted shop runs what others wrote.
pub(super) fn isolation(roles: &Roles, net: Net) -> Isolation {
    Isolation::new(&schema::manifest(), roles.clone(), IsolationMode::Sealed).with_net(net)
}
