//! A guide, and what running its blocks means.

use std::{
    collections::BTreeMap,
    env,
    path::Path,
    process::{Command, Stdio},
};

use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use tempfile::TempDir;

use crate::isolation::world::rows;

/// A statement that begins so is run until it changes nothing.
const REPEATED: &str = "-- Again and again, until it changes nothing.";

/// Between lines of expected output: any others.
const ANY: &str = "...";

pub(super) struct Page {
    sections: Vec<Section>,
    next: usize,
    folder: TempDir,
    /// What the commands find in their environment.
    pub(super) environment: BTreeMap<&'static str, String>,
    /// The programs that the Rust blocks are taken from.
    sources: &'static str,
    output: String,
}

struct Section {
    heading: String,
    blocks: Vec<Block>,
}

struct Block {
    language: String,
    text: String,
}

impl Page {
    pub(super) fn new(text: &str, sources: &'static str) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(heading) = line.strip_prefix("## ") {
                sections.push(Section {
                    heading: heading.to_owned(),
                    blocks: Vec::new(),
                });
            } else if let Some(language) = line.strip_prefix("```") {
                let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
                let section = sections.last_mut().expect("blocks stand in sections");
                section.blocks.push(Block {
                    language: language.to_owned(),
                    text: body.join("\n"),
                });
            }
        }
        Self {
            sections,
            next: 0,
            folder: TempDir::new().unwrap(),
            environment: BTreeMap::new(),
            sources,
            output: String::new(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the next section, which has this heading.
    pub(super) async fn section(&mut self, heading: &str, connection: &mut PgConnection) {
        let section = self.sections.get(self.next);
        assert_eq!(section.map(|section| &*section.heading), Some(heading));
        for block in 0..self.sections[self.next].blocks.len() {
            self.run(block, connection).await;
        }
        self.next += 1;
    }

    /// Every section was run.
    pub(super) fn end(self) {
        let left = self.sections.get(self.next);
        assert!(left.is_none(), "{:?} is left", left.map(|one| &one.heading));
    }

    async fn run(&mut self, block: usize, connection: &mut PgConnection) {
        let Block { language, text } = &self.sections[self.next].blocks[block];
        match language.as_str() {
            "sql" if text.starts_with("EXPLAIN") => self.output = plan(connection, text).await,
            "sql" => statements(connection, text).await,
            "sh" => self.output = self.shell(text),
            "text" => contains(&self.output, text),
            "toml" => {
                let name = text.lines().next().and_then(|line| line.strip_prefix("# "));
                let name = name.expect("a file says its name first");
                std::fs::write(self.folder().join(name), text).unwrap();
            }
            "rust" => self.taken_from_the_program(text),
            other => panic!("a guide has no blocks of {other}"),
        }
    }

    fn shell(&self, script: &str) -> String {
        let command = Path::new(env!("CARGO_BIN_EXE_tenancy-audit"));
        let folder = command.parent().expect("a program is in a folder");
        let path = format!("{}:{}", folder.display(), env::var("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-eu", "-c", &format!("exec 2>&1\n{script}")])
            .current_dir(self.folder())
            .env("PATH", path)
            .envs(&self.environment)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{script}\n{text}");
        text
    }

    fn taken_from_the_program(&self, text: &str) {
        let found = unindented(self.sources).contains(&unindented(text));
        assert!(found, "the program has not:\n{text}");
    }
}

/// A function reads the same at any depth.
fn unindented(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// One by one, as a person types them: some cannot be run beside others.
async fn statements(connection: &mut PgConnection, text: &str) {
    for statement in text.split_inclusive(";\n") {
        loop {
            let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
                .execute(&mut *connection)
                .await;
            let done = done.unwrap_or_else(|error| panic!("{error}: {statement}"));
            if !statement.starts_with(REPEATED) || done.rows_affected() == 0 {
                break;
            }
        }
    }
}

async fn plan(connection: &mut PgConnection, text: &str) -> String {
    let lines = rows(connection, text).await.unwrap();
    let lines = lines.iter().map(|line| line.get::<String, _>(0));
    // What is below what is the matter of the indentation, which differs with what is above.
    lines
        .map(|line| format!("{}\n", line.trim_start_matches([' ', '-', '>'])))
        .collect()
}

/// Each line of `expect` begins a line of the output, in order and, but for dots, with none between.
fn contains(output: &str, expect: &str) {
    let mut rest = output.lines();
    let mut anywhere = true;
    for line in expect.lines() {
        if line == ANY {
            anywhere = true;
            continue;
        }
        let found = if anywhere {
            rest.any(|one| one.starts_with(line))
        } else {
            rest.next().is_some_and(|one| one.starts_with(line))
        };
        assert!(found, "expected {line:?} in:\n{output}");
        anywhere = false;
    }
}
