//! A server that its supervisor can stop and start again.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::Error;
use crate::server_user::ServerUser;
use crate::supervisor::Supervisor;

/// What goes before the functions of each server. `$1` is the server's own folder; further arguments
/// are up to the functions.
///
/// The signals are caught instead of ignored, because children inherit what is ignored; what they interrupt goes on. A
/// server that is to
/// leave something behind has its own `open_folder` and `close_folder`.
const HEAD: &str = r#"
trap signalled=yes HUP INT TERM PIPE
folder=$1
open_folder() { mkdir -m 700 "$folder"; }
close_folder() { crash; leave; rm -rf "$folder"; }
"#;

/// What goes after the functions of each server, which are `prepare` (once, in the new folder),
/// `start`, `stop` and `crash`, each done when it returns, and `leave` (once, when the server is gone).
/// What they print is the server's report. A folder that is there already is somebody else's, and is left alone.
const TAIL: &str = r#"
obey() {
    if "$@" >>"$folder/report" 2>&1; then echo ready; else echo failed; fi
}
begin() { prepare && start; }
open_folder || { echo failed; exit 1; }
obey begin
signalled=
while read -r order || [ -n "$signalled" ]; do
    [ -z "$order" ] || obey "$order"
    signalled=
done
close_folder >/dev/null 2>&1
"#;

/// What a server is, and whose.
#[derive(Debug)]
pub(crate) struct Kind {
    /// In a person's words.
    pub(crate) what: &'static str,
    /// Its shell functions.
    pub(crate) functions: String,
    /// As whom it runs.
    pub(crate) user: ServerUser,
    /// A file that is open for as long as the supervisor lives, and so locked, if it is.
    pub(crate) holds: Option<File>,
}

/// So much of a report is looked at, from its end.
const REPORT_BYTES: u64 = 64 * 1024;

/// Lines of a report that say why something failed.
const LAST_WORDS: usize = 40;

/// What can be done to a server that runs or ran.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// Start it in the folder that it had.
    Start,
    /// Let it end in its own way.
    Stop,
    /// End it at once, as if it had crashed.
    Crash,
}

impl Order {
    /// The function of the script, and what a person calls it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Start => ("start", "start again"),
            Self::Stop => ("stop", "stop"),
            Self::Crash => ("crash", "crash"),
        }
    }
}

/// A server in a folder of its own, under a supervisor that stops and starts it. Gone when dropped, or when this
/// process ends, and mostly with its folder.
#[derive(Debug)]
pub(crate) struct Server {
    what: &'static str,
    folder: PathBuf,
    supervisor: Supervisor,
}

impl Server {
    /// Opens `folder` and starts the server with the shell functions that `TAIL` names; `arguments` are
    /// `$2` and so on.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with the server's report when it does not start.
    pub(crate) fn start(kind: Kind, folder: PathBuf, arguments: &[&OsStr]) -> Result<Self, Error> {
        let script = format!("{HEAD}{}{TAIL}", kind.functions);
        let arguments = [&[folder.as_os_str()], arguments].concat();
        // The supervisor says nothing there, and its children have another one.
        let holds = kind.holds.map_or_else(Stdio::null, Stdio::from);
        let supervisor = Supervisor::start(&script, arguments, kind.user, holds)?;
        let mut server = Self {
            what: kind.what,
            folder,
            supervisor,
        };
        server.wait_until_obeyed("start")?;
        Ok(server)
    }

    /// The server's own folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Has the supervisor do something, and waits until it is done.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with the end of the server's report, also when there was nothing to do: a
    /// server that does not run cannot be stopped.
    pub(crate) fn order(&mut self, order: Order) -> Result<(), Error> {
        let (function, name) = order.words();
        self.supervisor.tell(function)?;
        self.wait_until_obeyed(name)
    }

    fn wait_until_obeyed(&mut self, doing: &str) -> Result<(), Error> {
        let obeyed = self.supervisor.wait_for(|line| Some(line == "ready"))?;
        if obeyed == Some(true) {
            return Ok(());
        }
        let report = end_of(&self.folder.join("report")).unwrap_or_default();
        Err(Error::Failed {
            what: self.what,
            report: format!("{doing}: {}", last_lines(&report)),
        })
    }
}

fn end_of(report: &Path) -> io::Result<String> {
    let mut file = File::open(report)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(REPORT_BYTES)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok(String::from_utf8_lossy(&end).into_owned())
}

fn last_lines(report: &str) -> &str {
    let report = report.trim_end();
    let from = report.rmatch_indices('\n').nth(LAST_WORDS - 1);
    from.map_or(report, |(end, _)| &report[end + 1..])
}

#[cfg(test)]
mod tests {
    use super::{LAST_WORDS, last_lines};

    #[test]
    fn a_long_report_is_cut_to_its_end() {
        assert_eq!(last_lines(""), "");
        assert_eq!(last_lines("one\ntwo\n"), "one\ntwo");
        let lines: Vec<String> = (0..100).map(|line| line.to_string()).collect();
        let kept = lines[100 - LAST_WORDS..].join("\n");
        assert_eq!(last_lines(&lines.join("\n")), kept);
    }
}
