use std::path::Path;

use super::PORT;
use super::psql::Psql;
use crate::{Address, Error};

/// The superuser of every cluster.
const SUPERUSER: &str = "postgres";

/// How to reach one database: plain values for whichever client the test uses.
#[derive(Clone, Debug)]
pub struct Database {
    address: Address,
    name: String,
    psql: Psql,
}

impl Database {
    pub(super) fn new(address: Address, name: String, psql: Psql) -> Self {
        Self {
            address,
            name,
            psql,
        }
    }

    /// The same database by another way, or its copy on another server.
    pub(crate) fn at(&self, address: Address) -> Self {
        Self {
            address,
            ..self.clone()
        }
    }

    /// Where the server listens, or the pooler or proxy in front of it.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A URL for the superuser `postgres`: `postgres://USER@localhost:PORT/NAME?host=FOLDER`, which sqlx
    /// and libpq read as the Unix socket in FOLDER, or `postgres://USER@ADDRESS:PORT/NAME` through a
    /// [`Proxy`](crate::Proxy).
    #[must_use]
    pub fn url(&self) -> String {
        self.url_as(SUPERUSER)
    }

    /// The same for another role, which the test has created with `LOGIN`.
    ///
    /// The server asks no role for its password: only the owner of its folder reaches the socket, and
    /// that is the test. A role may have one, and a URL may name it; it is not compared.
    #[must_use]
    pub fn url_as(&self, role: &str) -> String {
        let mut url = url::Url::parse("postgres://localhost").expect("a constant URL");
        let (host, port) = match &self.address {
            Address::Unix(file) => ("localhost".to_owned(), set_folder(&mut url, file)),
            Address::Tcp(address) => {
                // Nothing on the way could encrypt, so no client needs to ask.
                url.query_pairs_mut().append_pair("sslmode", "disable");
                (address.ip().to_string(), address.port())
            }
        };
        url.set_path(&self.name);
        url.set_host(Some(&host)).expect("an address is a host");
        url.set_username(role)
            .and_then(|()| url.set_port(Some(port)))
            .expect("a URL with a host takes a user and a port");
        url.into()
    }

    /// Runs SQL as the superuser with psql: any number of statements, stopping at the first error.
    /// Answers what the rows say, a line for each, columns separated by `|`. Blocks for about 20 ms and
    /// the work itself; meant for schemas and for questions of the test's own, beside the client under
    /// test.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with the server's answer.
    pub fn run(&self, sql: &str) -> Result<String, Error> {
        self.psql.run(&self.url(), sql)
    }
}

/// Names the folder of a socket's file; its port follows.
fn set_folder(url: &mut url::Url, file: &Path) -> u16 {
    let folder = file.parent().expect("a socket lies in a folder");
    url.query_pairs_mut()
        .append_pair("host", &folder.to_string_lossy());
    PORT
}
