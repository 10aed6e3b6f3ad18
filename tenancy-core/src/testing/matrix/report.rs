use std::fmt;

use super::{
    mixture::{Mixture, Share, Template},
    verdict::{Answer, Verdict},
};

/// What came of all requests. Its text is a table, a line for each.
#[derive(Clone, Debug)]
pub struct Report {
    parts: Vec<String>,
    rows: Vec<Row>,
    /// Tenants' marks that no answer to themselves had.
    unseen_marks: Vec<String>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Row {
    request: String,
    /// Of each part that it has, the part's name and its tenant's.
    sides: Vec<(String, String)>,
    /// Its status, or why there is none.
    answer: String,
    /// The answer's, if it came.
    body: Option<String>,
    verdict: Verdict,
}

impl Row {
    pub(super) fn new(
        template: &Template,
        mixture: &Mixture,
        names: &[String; 2],
        (answer, verdict): (Answer, Verdict),
    ) -> Self {
        let whose = |share: Share| match share {
            Share::Absent => "nobody".to_owned(),
            _ => {
                let names = share.sides().map(|side| &*names[side as usize]);
                names.collect::<Vec<_>>().join(" and ")
            }
        };
        let shares = mixture.shares();
        Self {
            request: template.title(),
            sides: shares
                .map(|(part, share)| (part.into(), whose(share)))
                .collect(),
            answer: answer.to_string(),
            body: match answer {
                Answer::Response(response) => Some(response.into_body()),
                Answer::Broken(_) => None,
            },
            verdict,
        }
    }

    /// The same after changes that were to be refused. What was not the same twice before them is not compared.
    pub(super) fn since(mut self, (first, second): (&Self, &Self)) -> Self {
        let settled = first.body == second.body;
        if settled && self.verdict.is_good() && self.body != second.body {
            self.verdict = Verdict::Changed;
        }
        self
    }

    /// Method and path, with the names of its values.
    #[must_use]
    pub fn request(&self) -> &str {
        &self.request
    }

    /// Whose a part of it was: a tenant's, `nobody`'s when it was left out, `one and two`'s when it was there
    /// twice; or `None` when the request knows no such part.
    #[must_use]
    pub fn tenant_of(&self, part: &str) -> Option<&str> {
        let side = self.sides.iter().find(|(name, _)| name == part);
        side.map(|(_, tenant)| &**tenant)
    }

    /// What its answer means.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }
}

impl Report {
    pub(super) fn new(parts: Vec<String>, rows: Vec<Row>) -> Self {
        Self {
            parts,
            rows,
            unseen_marks: Vec::new(),
        }
    }

    /// Says which marks were in no answer to a tenant's own request.
    pub(super) fn marked(mut self, marks: Option<&[String; 2]>) -> Self {
        let seen = |mark: &String| {
            let mut own = self
                .rows
                .iter()
                .filter(|row| row.verdict == Verdict::Served);
            own.any(|row| row.body.as_ref().is_some_and(|body| body.contains(mark)))
        };
        let unseen = marks.into_iter().flatten().filter(|mark| !seen(mark));
        self.unseen_marks = unseen.cloned().collect();
        self
    }

    /// All requests.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Asserts that everything is as it should be.
    ///
    /// # Panics
    /// With the rows that are not; when nothing was asked; and when a mark was in no answer at all, so that
    /// it proves nothing that foreign answers are without it.
    #[track_caller]
    pub fn assert_refused(&self) {
        assert!(!self.rows.is_empty(), "the matrix has no request");
        let bad: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| !row.verdict.is_good())
            .collect();
        assert!(
            bad.is_empty(),
            "{} of {} requests:\n{}",
            bad.len(),
            self.rows.len(),
            Table {
                parts: &self.parts,
                rows: bad
            }
        );
        assert!(
            self.unseen_marks.is_empty(),
            "no answer has the mark {:?}, so it marks nothing",
            self.unseen_marks
        );
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Table {
            parts: &self.parts,
            rows: self.rows.iter().collect(),
        }
        .fmt(f)
    }
}

struct Table<'r> {
    parts: &'r [String],
    rows: Vec<&'r Row>,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let head = ["request".to_owned()]
            .into_iter()
            .chain(self.parts.iter().cloned())
            .chain(["answer".to_owned(), "verdict".to_owned()]);
        let head: Vec<String> = head.collect();
        writeln!(f, "{}", between(head.clone()))?;
        writeln!(f, "{}", between(vec!["---".to_owned(); head.len()]))?;
        for row in &self.rows {
            let sides = self
                .parts
                .iter()
                .map(|part| row.tenant_of(part).unwrap_or("-").to_owned());
            let cells = [row.request.clone()].into_iter().chain(sides);
            let end = [row.answer.clone(), row.verdict.to_string()];
            writeln!(f, "{}", between(cells.chain(end).collect()))?;
        }
        Ok(())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(response) => write!(f, "{}", response.status().as_u16()),
            Self::Broken(why) => f.write_str(why),
        }
    }
}
