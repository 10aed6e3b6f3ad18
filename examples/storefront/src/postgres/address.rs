use std::{fmt, path::Path, str::FromStr};

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
};
use url::Url;

/// Parameters of a URL that say who connects. They become its user and password.
const WHO: [&str; 2] = ["user", "password"];

/// How a role reaches a cell's database: `postgres://ROLE:PASSWORD@HOST:PORT/DATABASE?sslmode=…`. Port and `sslmode` are
/// completed when it is read, from `PGPORT` and `PGSSLMODE` or with Postgres's own, so that it leads to the same server
/// wherever it is read again. What it prints has no password; [`revealed`](Self::revealed) has it.
#[derive(Clone, PartialEq, Eq)]
pub struct CellUrl(Url);

/// A text that is no [`CellUrl`]. The text is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCellUrl {
    /// It is no URL of Postgres.
    #[error("write postgres://ROLE:PASSWORD@HOST:PORT/DATABASE")]
    NoPostgres,
    /// It names no host, so that it would mean another server elsewhere.
    #[error("the URL names no host")]
    NoHost,
    /// It names no database.
    #[error("the URL names no database")]
    NoDatabase,
    /// A parameter, such as `sslmode`, has a value that there is not.
    #[error("a parameter of the URL has a value that there is not")]
    Parameter,
}

/// A database, whoever connects to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The host's name, or the folder of a socket.
    host: String,
    port: u16,
    database: String,
}

impl CellUrl {
    /// The same database for another role.
    #[must_use]
    pub fn as_role(&self, role: &str, password: &str) -> Self {
        let mut url = self.0.clone();
        url.set_username(role)
            .and_then(|()| url.set_password(Some(password)))
            .expect("a URL with a host takes a user and a password");
        Self(url)
    }

    /// For connecting. Statements are not logged: some of them have a secret in them.
    ///
    /// # Panics
    /// Never: it was tried when the URL was read.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        parse(&self.0)
            .expect("it was tried when the URL was read")
            .disable_statement_logging()
    }

    /// Which database it leads to.
    #[must_use]
    pub fn place(&self) -> Place {
        let options = self.options();
        let socket = options
            .get_socket()
            .map(|folder| folder.display().to_string());
        Place {
            host: socket.unwrap_or_else(|| options.get_host().to_owned()),
            port: options.get_port(),
            database: options.get_database().unwrap_or_default().to_owned(),
        }
    }

    /// The database's name.
    #[must_use]
    pub fn database(&self) -> String {
        self.place().database
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> &str {
        self.0.username()
    }

    /// The password as it stands in the URL.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.0.password()
    }

    /// The URL with its password, for the file and for whoever asked for it.
    #[must_use]
    pub fn revealed(&self) -> &str {
        self.0.as_str()
    }
}

impl Place {
    /// The folder of the server's socket, if it is reached through one.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        Some(Path::new(&self.host)).filter(|host| host.is_absolute())
    }

    /// The database's name.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }
}

impl FromStr for CellUrl {
    type Err = InvalidCellUrl;

    fn from_str(text: &str) -> Result<Self, InvalidCellUrl> {
        let mut url = Url::parse(text).map_err(|_| InvalidCellUrl::NoPostgres)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(InvalidCellUrl::NoPostgres);
        }
        if url.path().trim_matches('/').is_empty() {
            return Err(InvalidCellUrl::NoDatabase);
        }
        if url.host_str().is_none_or(str::is_empty) {
            // A socket's folder stands in a parameter. A URL without a host takes no user.
            let socket = url.query_pairs().any(|(name, _)| name == "host");
            let named = socket.then(|| url.set_host(Some("localhost")));
            named.and_then(Result::ok).ok_or(InvalidCellUrl::NoHost)?;
        }
        let (who, kept): (Vec<_>, Vec<_>) = url
            .query_pairs()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .partition(|(name, _)| WHO.contains(&&**name));
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(&kept);
        }
        for (name, value) in who {
            // A setter takes a percent sign for an escape.
            let value = value.replace('%', "%25");
            let set = match &*name {
                "user" => url.set_username(&value),
                _ => url.set_password(Some(&value)),
            };
            set.expect("a URL with a host takes a user and a password");
        }
        let read = parse(&url).ok_or(InvalidCellUrl::Parameter)?;
        let says = |names: &[&str]| kept.iter().any(|(name, _)| names.contains(&&**name));
        // Otherwise whoever reads the cell's file takes them from its own environment, and is led elsewhere.
        if url.port().is_none() && !says(&["port"]) {
            url.set_port(Some(read.get_port()))
                .expect("a URL with a host takes a port");
        }
        if !says(&["sslmode", "ssl-mode"]) {
            let mode = ssl_mode(read.get_ssl_mode());
            url.query_pairs_mut().append_pair("sslmode", mode);
        }
        Ok(Self(url))
    }
}

/// As a URL says it.
const fn ssl_mode(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}

fn parse(url: &Url) -> Option<PgConnectOptions> {
    PgConnectOptions::from_url(url).ok()
}

impl fmt::Display for CellUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.role(), self.place())
    }
}

impl fmt::Debug for CellUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CellUrl({self})")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            database,
        } = self;
        if host.starts_with('/') {
            write!(f, "{database} on {host}")
        } else {
            write!(f, "{database} on {host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<(&str, &str), InvalidCellUrl>) {
        let found = text.parse::<CellUrl>();
        let found = found.map(|url| {
            let app = url.as_role("shops_app", "p");
            (app.to_string(), app.revealed().to_owned())
        });
        let expect = expect.map(|(told, url)| (told.to_owned(), url.to_owned()));
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn everything_but_who_connects_is_kept() {
        check(
            "postgres://root:secret@db.example:5433/shops?sslmode=verify-full&application_name=a%20b",
            Ok((
                "shops_app in shops on db.example:5433",
                "postgres://shops_app:p@db.example:5433/shops?sslmode=verify-full&application_name=a+b",
            )),
        );
        check(
            "postgres:///shops?host=/run/pg&port=5433&sslmode=disable&user=root&password=secret",
            Ok((
                "shops_app in shops on /run/pg",
                "postgres://shops_app:p@localhost/shops?host=%2Frun%2Fpg&port=5433&sslmode=disable",
            )),
        );
    }

    #[test]
    fn who_connects_may_stand_in_parameters() {
        let url: CellUrl =
            "postgres://db:5432/shops?user=ro%40ot&password=a%2541%26b&sslmode=allow"
                .parse()
                .unwrap();
        let same: CellUrl = "postgres://ro%40ot:a%2541%26b@db:5432/shops?sslmode=allow"
            .parse()
            .unwrap();
        assert_eq!(url.options().get_username(), "ro@ot");
        let decoded = |url: &CellUrl| {
            let password = url.password().unwrap().to_owned();
            let pairs = format!("p={password}");
            let mut pairs = url::form_urlencoded::parse(pairs.as_bytes());
            pairs.next().unwrap().1.into_owned()
        };
        assert_eq!(decoded(&same), "a%41&b");
        assert_eq!(
            url.password().unwrap().replace('&', "%26"),
            same.password().unwrap()
        );
    }

    #[test]
    fn what_a_url_leaves_out_is_written_into_it() {
        let url: CellUrl = "postgres://db/shops".parse().unwrap();
        let port = url.options().get_port();
        let text = url.revealed();
        assert!(
            text.contains(&format!("db:{port}/shops?sslmode=")),
            "{text}"
        );
        assert_eq!(text.parse(), Ok(url.clone()));
    }

    #[test]
    fn what_means_no_one_database_is_refused() {
        check("mysql://db/shops", Err(InvalidCellUrl::NoPostgres));
        check("shops", Err(InvalidCellUrl::NoPostgres));
        check("postgres://db", Err(InvalidCellUrl::NoDatabase));
        check("postgres:///shops", Err(InvalidCellUrl::NoHost));
        check(
            "postgres://db/shops?sslmode=perhaps",
            Err(InvalidCellUrl::Parameter),
        );
    }

    #[test]
    fn nothing_that_is_printed_has_the_password() {
        let url: CellUrl = "postgres://a:secret@db/shops".parse().unwrap();
        assert!(!format!("{url} {url:?}").contains("secret"));
        assert!(url.revealed().contains("secret"));
    }
}
