use std::{
    fmt::Write as _,
    io::{self, IsTerminal, StdoutLock, Write},
};

use serde::{Serialize, de::DeserializeOwned};

use super::{client::Answer, error::CliError};

/// Standard output, in the form that was asked for.
#[derive(Debug)]
pub(super) struct Output {
    stdout: StdoutLock<'static>,
    form: Form,
}

/// The form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// For people.
    Text,
    /// The API's JSON as it came.
    Json,
}

/// Standard output that takes a file.
#[derive(Debug)]
pub(super) struct Bytes<'a>(&'a mut StdoutLock<'static>);

impl Bytes<'_> {
    /// Writes the next part of the file.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        let written = self.0.write_all(bytes);
        written
            .and_then(|()| self.0.flush())
            .map_err(CliError::Output)
    }
}

impl Output {
    pub(super) fn new(form: Form) -> Self {
        Self {
            stdout: io::stdout().lock(),
            form,
        }
    }

    /// Prints an answer: its JSON unchanged, or what `render` makes of it. It is on its way before this
    /// returns, so that a reader sees a long list grow.
    pub(super) fn answer<T: DeserializeOwned>(
        &mut self,
        answer: &Answer,
        render: impl FnOnce(&T) -> String,
    ) -> Result<T, CliError> {
        let value = answer.read()?;
        match self.form {
            Form::Text => self.print(&printable(&render(&value)))?,
            Form::Json => self.print(&with_line_end(answer.text()))?,
        }
        Ok(value)
    }

    /// Prints what this process found out itself: as JSON, or what `render` makes of it.
    pub(super) fn value<T: Serialize>(
        &mut self,
        value: &T,
        render: impl FnOnce(&T) -> String,
    ) -> Result<(), CliError> {
        match self.form {
            Form::Text => self.print(&printable(&render(value))),
            Form::Json => {
                let json = serde_json::to_string(value).expect("it is made of texts and lists");
                self.print(&with_line_end(&json))
            }
        }
    }

    /// Prints the JSON of a refusal, when JSON was asked for; people read it on standard error.
    pub(super) fn refusal(&mut self, json: &str) -> Result<(), CliError> {
        match self.form {
            Form::Text => Ok(()),
            Form::Json => self.print(&with_line_end(json)),
        }
    }

    /// Tells people what was done; whoever asked for JSON has the exit code.
    pub(super) fn note(&mut self, text: &str) -> Result<(), CliError> {
        match self.form {
            Form::Text => self.print(&printable(text)),
            Form::Json => Ok(()),
        }
    }

    /// Standard output for a file's bytes, which must not steer a terminal.
    pub(super) fn for_bytes(&mut self) -> Result<Bytes<'_>, CliError> {
        if self.stdout.is_terminal() {
            return Err(CliError::Terminal);
        }
        Ok(Bytes(&mut self.stdout))
    }

    fn print(&mut self, text: &str) -> Result<(), CliError> {
        let written = self.stdout.write_all(text.as_bytes());
        written
            .and_then(|()| self.stdout.flush())
            .map_err(CliError::Output)
    }
}

fn with_line_end(text: &str) -> String {
    format!("{}\n", text.trim_end_matches('\n'))
}

/// The text with control characters spelled out: a product file's content must not steer a terminal.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => printable.push('\n'),
            control if control.is_control() => {
                let _ = write!(printable, "{}", control.escape_default());
            }
            character => printable.push(character),
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::{printable, with_line_end};

    #[test]
    fn control_characters_are_spelled_out() {
        assert_eq!(
            printable("Tür\n\u{1b}[2Jx\r\u{9b}y\t"),
            "Tür\n\\u{1b}[2Jx\\r\\u{9b}y\\t"
        );
    }

    #[test]
    fn json_ends_its_line() {
        assert_eq!(with_line_end("{}"), "{}\n");
        assert_eq!(with_line_end("{}\n"), "{}\n");
    }
}
