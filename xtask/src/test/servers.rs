//! The programs that tests need, and where they come from.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::process;

/// A program that tests start.
struct Server {
    what: &'static str,
    /// Any of these will do.
    programs: &'static [&'static str],
    /// Its package in Debian and its kin.
    package: &'static str,
}

const SERVERS: [Server; 6] = [
    Server {
        what: "Postgres 15 or newer",
        programs: &["initdb"],
        package: "postgresql",
    },
    Server {
        what: "PgBouncer",
        programs: &["pgbouncer"],
        package: "pgbouncer",
    },
    Server {
        what: "Redis",
        programs: &["redis-server"],
        package: "redis-server",
    },
    Server {
        what: "nghttp2's clients",
        programs: &["h2load"],
        package: "nghttp2-client",
    },
    Server {
        what: "Chromium",
        programs: &[
            "chromium",
            "chromium-browser",
            "google-chrome",
            "google-chrome-stable",
        ],
        package: "chromium",
    },
    Server {
        what: "chromedriver",
        programs: &["chromedriver"],
        package: "chromium-driver",
    },
];

/// Makes sure that every server is installed.
pub(super) fn ensure(install: bool) -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    if !install {
        bail!("{}", how_to_get(&missing));
    }
    get(&missing)?;
    let still = self::missing();
    if !still.is_empty() {
        bail!("still missing after the installation: {}", names(&still));
    }
    Ok(())
}

fn missing() -> Vec<&'static Server> {
    SERVERS
        .iter()
        .filter(|server| !server.is_installed())
        .collect()
}

impl Server {
    fn is_installed(&self) -> bool {
        let folders = packaged_folders();
        self.programs.iter().any(|program| {
            process::find(program).is_some()
                || folders.iter().any(|folder| folder.join(program).is_file())
        })
    }
}

/// Debian keeps the servers' programs of Postgres out of `PATH`, and others out of a user's.
fn packaged_folders() -> Vec<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql")
        .read_dir()
        .into_iter()
        .flatten();
    versions
        .flatten()
        .map(|version| version.path().join("bin"))
        .chain([PathBuf::from("/usr/sbin")])
        .collect()
}

fn names(servers: &[&Server]) -> String {
    servers
        .iter()
        .map(|server| server.what)
        .collect::<Vec<_>>()
        .join(", ")
}

fn packages(servers: &[&'static Server]) -> Vec<&'static str> {
    servers.iter().map(|server| server.package).collect()
}

fn how_to_get(missing: &[&'static Server]) -> String {
    format!(
        "the tests need {}; get it with `cargo xtask test --install`, or with your package manager (Debian: apt-get install {})",
        names(missing),
        packages(missing).join(" ")
    )
}

/// Installs with the system's package manager; says each command before it runs.
fn get(missing: &[&'static Server]) -> Result<()> {
    if process::find("apt-get").is_none() {
        bail!(
            "--install knows only apt-get, which is not here; please install {} yourself",
            names(missing)
        );
    }
    println!("installing {} with apt-get", names(missing));
    process::run(apt(&["update"]).arg("--quiet"))?;
    process::run(apt(&["install", "--yes", "--no-install-recommends"]).args(packages(missing)))
}

fn apt(arguments: &[&str]) -> std::process::Command {
    let is_root =
        process::output(&mut process::program("id", ["-u"])).is_ok_and(|id| id.trim() == "0");
    let prefix: &[&str] = if is_root { &[] } else { &["sudo"] };
    // As an argument of `env`, since sudo drops variables of the caller.
    let words = prefix
        .iter()
        .chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .chain(arguments);
    let words: Vec<&str> = words.copied().collect();
    process::program(words[0], &words[1..])
}

#[cfg(test)]
mod tests {
    use super::{SERVERS, how_to_get};

    #[test]
    fn a_missing_server_is_named_with_a_way_to_get_it() {
        let text = how_to_get(&[&SERVERS[0], &SERVERS[5]]);
        assert!(
            text.contains("the tests need Postgres 15 or newer, chromedriver;"),
            "{text}"
        );
        assert!(text.contains("cargo xtask test --install"), "{text}");
        assert!(
            text.ends_with("apt-get install postgresql chromium-driver)"),
            "{text}"
        );
    }
}
