//! A headless browser of one's own.

mod viewport;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;

use crate::Error;
use crate::program;
use crate::server_user::ServerUser;
use crate::supervisor::Supervisor;
use crate::workspace::Workspace;
use viewport::SetViewport;

/// Start the driver, wait for the end of the test, end driver and browser, remove the profile. `$1`
/// is the driver, `$2` the folder of this browser.
///
/// The browser outlives its driver, but stays in the supervisor's process group: so the whole group
/// is asked to end, and killed after the profile could be removed or a hundred attempts. Everything
/// that the browser writes goes below `$2`, its temporary files too.
const SCRIPT: &str = r#"
trap : HUP INT TERM PIPE
mkdir -m 700 "$2" && mkdir "$2/tmp"
TMPDIR="$2/tmp" HOME="$2" "$1" --port=0 2>"$2/report" &
read -r _
trap '' TERM
kill -TERM 0
wait
attempts=0
until rm -rf "$2" 2>/dev/null || [ "$attempts" -eq 100 ]; do
    attempts=$((attempts + 1))
    sleep 0.05
done
kill -KILL 0
"#;

/// Flags of the browser: no window, no sandbox (tests may run as root), no traffic of its own.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Shops of a test live on names below localhost, which not every resolver knows.
    "--host-resolver-rules=MAP *.localhost 127.0.0.1",
];

/// A headless Chromium with an empty profile, driven through its WebDriver.
///
/// It runs until it is dropped or the process ends, however it ends, and then its profile is gone.
/// Names below `localhost` lead to 127.0.0.1. A start takes about a second.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    /// Ends driver and browser when dropped.
    supervisor: Supervisor,
}

impl Browser {
    /// Starts a browser on an empty page.
    ///
    /// # Cancel safety
    ///
    /// A start that is dropped half way ends what it had started.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] without an installed Chromium or driver, [`Error::Failed`] and
    /// [`Error::Session`] when they do not start.
    pub async fn start() -> Result<Self, Error> {
        let browser = chromium()?;
        let started = tokio::task::spawn_blocking(start_driver);
        let (supervisor, folder, port) =
            started.await.expect("starting a driver does not panic")?;
        let client = open_session(&browser, &folder, port).await?;
        Ok(Self { client, supervisor })
    }

    /// The WebDriver session: navigation, elements, scripts.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Makes the viewport exactly `width` by `height` CSS pixels, also narrower than a window of the
    /// desktop could be.
    ///
    /// # Errors
    ///
    /// [`Error::Browser`] when the browser is gone.
    pub async fn resize(&self, width: u32, height: u32) -> Result<(), Error> {
        self.client
            .issue_cmd(SetViewport { width, height })
            .await
            .map_err(refused)?;
        Ok(())
    }

    /// Writes what the viewport shows as a PNG file, for a person to look at.
    ///
    /// # Errors
    ///
    /// [`Error::Browser`] when the browser is gone, [`Error::Io`] when the file cannot be written.
    pub async fn screenshot(&self, file: &Path) -> Result<(), Error> {
        let image = self.client.screenshot().await.map_err(refused)?;
        std::fs::write(file, image).map_err(Error::io(format!("write {}", file.display())))
    }

    /// Ends the browser and waits until it and its profile are gone. Dropping it does the same, but
    /// blocks the thread meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Browser`] when the browser was gone already.
    pub async fn close(self) -> Result<(), Error> {
        let closed = self.client.close().await.map_err(refused);
        let ended = tokio::task::spawn_blocking(move || drop(self.supervisor));
        ended.await.expect("ending a browser does not panic");
        closed
    }
}

fn refused(source: fantoccini::error::CmdError) -> Error {
    let source = Box::new(source);
    Error::Browser { source }
}

fn chromium() -> Result<PathBuf, Error> {
    program::find(&[
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ])
    .ok_or(Error::Missing {
        what: "Chromium",
        how: "apt-get install chromium",
    })
}

/// Starts a driver on a port of its own choice and waits until it says which.
fn start_driver() -> Result<(Supervisor, PathBuf, u16), Error> {
    let driver = program::find(&["chromedriver"]).ok_or(Error::Missing {
        what: "chromedriver",
        how: "apt-get install chromium-driver",
    })?;
    let user = ServerUser::own();
    let folder = Workspace::open(user)?.unique("browser");
    let mut supervisor = Supervisor::start(SCRIPT, [&driver, &folder], user, Stdio::null())?;
    match supervisor.wait_for(port_in)? {
        Some(port) => Ok((supervisor, folder, port)),
        None => Err(Error::Failed {
            what: "starting chromedriver",
            report: std::fs::read_to_string(folder.join("report")).unwrap_or_default(),
        }),
    }
}

/// 4711 from `ChromeDriver was started successfully on port 4711.`
fn port_in(line: &str) -> Option<u16> {
    let (_, port) = line.split_once("started successfully on port ")?;
    port.trim_end_matches('.').parse().ok()
}

async fn open_session(browser: &Path, folder: &Path, port: u16) -> Result<Client, Error> {
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let flags: Vec<&str> = FLAGS.into_iter().chain([profile.as_str()]).collect();
    let wanted = json!({ "goog:chromeOptions": { "binary": browser, "args": flags } });
    let wanted = wanted
        .as_object()
        .expect("written as an object above")
        .clone();
    ClientBuilder::new(HttpConnector::new())
        .capabilities(wanted)
        .connect(&format!("http://127.0.0.1:{port}"))
        .await
        .map_err(|source| Error::Session {
            source: Box::new(source),
        })
}

#[cfg(test)]
mod tests {
    use super::port_in;

    #[test]
    fn the_port_is_the_one_that_listens() {
        assert_eq!(port_in("Starting ChromeDriver 156.0 on port 0"), None);
        assert_eq!(
            port_in("ChromeDriver was started successfully on port 4711."),
            Some(4711)
        );
    }
}
