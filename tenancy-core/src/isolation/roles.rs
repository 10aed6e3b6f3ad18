use std::fmt;

use crate::manifest::identifier;

/// The names of a cell's roles. Roles belong to the whole cluster: two cells in one cluster take two prefixes.
///
/// | role | may |
/// | --- | --- |
/// | `{prefix}_owner` | own the tables and the schema `tenancy`; nobody logs in as it |
/// | `{prefix}_app` | serve requests: see and change the rows of its transaction's tenant |
/// | `{prefix}_mover` | see and change all tenants' rows, and the fences: moves, provisioning, surveys |
/// | `{prefix}_auditor` | read the catalogs |
/// | `{prefix}_search` | own the listed search functions and read their tables; nobody logs in as it |
///
/// Who [tries out](super::audit::probe()) what the application can do makes a further one, `{prefix}_prober`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    prefix: Box<str>,
}

/// A prefix that makes no names of roles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no prefix of roles: 1 to 55 of a-z, 0-9 and _, not beginning with a digit")]
pub struct InvalidPrefix {
    /// What was given.
    pub found: Box<str>,
}

/// A role that logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Login {
    /// Requests.
    App,
    /// Moves, provisioning and surveys.
    Mover,
    /// The audit.
    Auditor,
}

impl Roles {
    /// The roles of a prefix.
    ///
    /// # Errors
    /// [`InvalidPrefix`] when Postgres would change the names or cut them off.
    pub fn named(prefix: &str) -> Result<Self, InvalidPrefix> {
        let roles = Self {
            prefix: prefix.into(),
        };
        // `pg_` belongs to Postgres.
        if identifier::is_plain(prefix)
            && identifier::is_plain(&roles.auditor())
            && !prefix.starts_with("pg_")
        {
            Ok(roles)
        } else {
            Err(InvalidPrefix {
                found: prefix.into(),
            })
        }
    }

    /// What the names begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Owns the tables.
    #[must_use]
    pub fn owner(&self) -> String {
        self.of("owner")
    }

    /// Serves requests.
    #[must_use]
    pub fn app(&self) -> String {
        self.of("app")
    }

    /// Sees all tenants' rows.
    #[must_use]
    pub fn mover(&self) -> String {
        self.of("mover")
    }

    /// Reads the catalogs.
    #[must_use]
    pub fn auditor(&self) -> String {
        self.of("auditor")
    }

    /// Owns the search functions.
    #[must_use]
    pub fn search(&self) -> String {
        self.of("search")
    }

    /// Tries out what the application can do; an installation does not make it.
    #[must_use]
    pub fn prober(&self) -> String {
        self.of("prober")
    }

    /// The name of a role that logs in.
    #[must_use]
    pub fn login(&self, login: Login) -> String {
        match login {
            Login::App => self.app(),
            Login::Mover => self.mover(),
            Login::Auditor => self.auditor(),
        }
    }

    fn of(&self, part: &str) -> String {
        format!("{}_{part}", self.prefix)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_*", self.prefix)
    }
}
