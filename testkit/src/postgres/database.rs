use std::path::PathBuf;

/// How to reach one database: plain values for whichever client the test uses.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Database {
    /// The folder of the server's Unix socket.
    pub socket_dir: PathBuf,
    /// The port that names the socket's file.
    pub port: u16,
    /// A superuser without a password.
    pub user: &'static str,
    /// The database's name.
    pub name: String,
}

impl Database {
    /// The same as a URL: `postgres://USER@localhost:PORT/NAME?host=FOLDER`, which sqlx and libpq
    /// read as the Unix socket in FOLDER.
    #[must_use]
    pub fn url(&self) -> String {
        let mut url = url::Url::parse("postgres://localhost").expect("a constant URL");
        url.query_pairs_mut()
            .append_pair("host", &self.socket_dir.to_string_lossy());
        url.set_path(&self.name);
        url.set_username(self.user)
            .and_then(|()| url.set_port(Some(self.port)))
            .expect("a URL with a host takes a user and a port");
        url.into()
    }
}
