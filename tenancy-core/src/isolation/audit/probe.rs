//! What the application can see and do, tried out.
//!
//! Two tenants that cannot exist get a row in each table, in a transaction that is rolled back. In it, the
//! relations that show these rows are asked as the application, without a tenant and as one of the two. Each
//! answer is worth something because the same question is answered first by a role that does see the rows.
//!
//! # As whom
//!
//! What is asked runs code of others: views, defaults, checks and the functions in them. `SET ROLE` holds none
//! of it, since a function may set the role back; so the role that the probe logs in as must be worth little.
//! It is the [prober](prober), which is no superuser: it sees all tenants' rows, as whatever moves them does, and
//! can take no more than that. A real connection of the application's would hold more, and would have to see
//! the canaries: they would be committed in a live cell, and stay there when the probe is killed.
//!
//! # In a live cell
//!
//! Each relation has a transaction of its own, which ends within [`LIMIT`]: whoever waits to change a table
//! keeps everybody else waiting behind, and gets it then.

mod canary;
mod message;
mod question;
mod role;
mod sources;

use std::{collections::HashMap, time::Duration};

use sqlx::{PgConnection, postgres::PgConnectOptions};

use self::{
    canary::{Canary, Column},
    question::{Answer, Verdict},
};
use super::{
    AuditError, Check, Finding, Report, Unprobed,
    connect::connect,
    facts::{self, Facts, Relation},
    rules, seals,
};
use crate::isolation::{Isolation, SealKey};

pub use role::prober;

/// For all questions about one relation.
const LIMIT: Duration = Duration::from_secs(10);

/// Tries out what the application can do to two canaries' rows, and whether the cell takes seals of other keys
/// than the program's. It connects as the [`prober`].
///
/// It writes in transactions that are rolled back: sequences go on, and rows that others insert under the same
/// keys wait until they end. Triggers do not fire for it but those that fire for replication, too; tables with
/// such a trigger are not probed.
///
/// # Errors
/// [`AuditError::Prober`] when the role is not one that may do this. [`AuditError::Database`],
/// [`AuditError::Refused`].
///
/// # Cancel safety
/// When the future is dropped, its connection is, too, and the database rolls back what it had begun.
pub async fn probe(
    prober: PgConnectOptions,
    isolation: &Isolation,
    key: Option<&SealKey>,
) -> Result<Report, AuditError> {
    let mut connection = connect(&prober).await?;
    role::check(&mut connection, isolation).await?;
    let facts = facts::read(&mut connection, isolation).await?;
    let reached: Vec<&Relation> = facts
        .relations
        .iter()
        .filter(|relation| relation.kind != "S" && relation.schema != "tenancy")
        .filter(|relation| !relation.rights.is_empty())
        .collect();
    let names: Vec<String> = reached.iter().map(|one| one.full_name()).collect();
    let sources = sources::read(&mut connection, isolation, &names).await?;
    let placed_in = sources.values().flatten().cloned();
    let named: Vec<String> = names.iter().cloned().chain(placed_in).collect();
    let columns = canary::columns(&mut connection, isolation, &named).await?;
    let mut report = Report::default();
    if let Some(key) = key {
        report.findings = seals::others(&mut connection, key).await?;
    }
    let probe = Probe {
        isolation,
        facts: &facts,
        sources,
        columns,
    };
    for relation in reached {
        let asked = probe.relation(&mut connection, relation);
        let looked = match tokio::time::timeout(LIMIT, asked).await {
            Ok(looked) => looked?,
            Err(_) => {
                // What it was doing ends with its connection.
                connection = connect(&prober).await?;
                Looked::unprobed("it takes too long")
            }
        };
        probe.note(relation, looked, &mut report);
    }
    report.findings.sort();
    report.unprobed.sort();
    Ok(report)
}

struct Probe<'a> {
    isolation: &'a Isolation,
    facts: &'a Facts,
    /// The tenants' tables whose rows a relation shows.
    sources: HashMap<String, Vec<String>>,
    columns: HashMap<String, Vec<Column>>,
}

/// What came of one relation's questions.
#[derive(Default)]
struct Looked {
    leaks: Vec<Finding>,
    /// Why something could not be tried out.
    unknown: Vec<String>,
}

impl Looked {
    fn unprobed(why: impl Into<String>) -> Self {
        Self {
            leaks: Vec::new(),
            unknown: vec![why.into()],
        }
    }
}

impl Probe<'_> {
    /// What could not be tried out is a finding where it is a tenants' table.
    fn note(&self, relation: &Relation, looked: Looked, report: &mut Report) {
        let name = relation.full_name();
        report.findings.extend(looked.leaks);
        if looked.unknown.is_empty() {
            return;
        }
        if rules::tenant_column(self.isolation, &name).is_some() {
            let what = looked.unknown.join("; ");
            report.findings.push(Finding::new(Check::B4, &*name, what));
        }
        report
            .unprobed
            .extend(looked.unknown.into_iter().map(|why| Unprobed {
                relation: name.as_str().into(),
                why: why.into(),
            }));
    }

    /// In one transaction, which is rolled back.
    async fn relation(
        &self,
        connection: &mut PgConnection,
        relation: &Relation,
    ) -> Result<Looked, sqlx::Error> {
        let name = relation.full_name();
        let mut canary = match Canary::of(self.isolation, relation, self.columns_of(&name)) {
            Ok(canary) => canary,
            Err(why) => return Ok(Looked::unprobed(why)),
        };
        let sources = self
            .sources
            .get(&name)
            .map(Vec::as_slice)
            .unwrap_or_default();
        if let Some(source) = sources.iter().find(|source| self.fires(source)) {
            return Ok(Looked::unprobed(format!(
                "a trigger of {source} fires for replication, too"
            )));
        }
        message::all(connection, &begin(self.isolation)).await?;
        let mut looked = Looked::default();
        for source in sources {
            match self.place(connection, source).await? {
                Ok(third) if *source == name => canary.insert_third = Some(third),
                Ok(_) => {}
                Err(why) => looked.unknown.push(why),
            }
        }
        if looked.unknown.is_empty() {
            self.ask(connection, &canary, &mut looked).await?;
        }
        message::all(connection, "ROLLBACK").await?;
        Ok(looked)
    }

    fn columns_of(&self, name: &str) -> &[Column] {
        self.columns
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    fn fires(&self, table: &str) -> bool {
        let mut triggers = self.facts.triggers.iter();
        triggers.any(|trigger| trigger.table == table && trigger.fires_always)
    }

    /// Canaries into a tenants' table; what would make a third one, or why it takes none.
    async fn place(
        &self,
        connection: &mut PgConnection,
        table: &str,
    ) -> Result<Result<String, String>, sqlx::Error> {
        let relations = &self.facts.relations;
        let Some(relation) = relations.iter().find(|one| one.full_name() == table) else {
            return Ok(Err(format!("{table} is missing")));
        };
        let columns = self.columns_of(table);
        match Canary::of(self.isolation, relation, columns) {
            Ok(canary) => canary::place(connection, &canary, columns).await,
            Err(why) => Ok(Err(why)),
        }
    }

    async fn ask(
        &self,
        connection: &mut PgConnection,
        canary: &Canary,
        looked: &mut Looked,
    ) -> Result<(), sqlx::Error> {
        let shown = [question::shown(canary)];
        let answers = message::answers(connection, self.isolation, &shown).await?;
        if !matches!(answers[..], [Answer::Rows(1..)]) {
            looked
                .unknown
                .push("it shows none of the canaries".to_owned());
            return Ok(());
        }
        let questions = question::all(canary);
        let answers = message::answers(connection, self.isolation, &questions).await?;
        for (question, answer) in questions.iter().zip(&answers) {
            match question.verdict(answer) {
                Verdict::AsItShould => {}
                Verdict::Leak => looked.leaks.push(Finding::new(
                    Check::B1,
                    format!("{} ({})", canary.relation, question.verb),
                    question.leak,
                )),
                Verdict::Unknown(why) => looked.unknown.push(why),
            }
        }
        Ok(())
    }
}

/// With the canaries' fences. What waits for a lock is not worth its time. Names mean what they mean to the application.
fn begin(isolation: &Isolation) -> String {
    let schemas: Vec<String> = isolation
        .schemas()
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect();
    let schemas = schemas.join(", ");
    format!(
        "BEGIN; SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = '2s';
        SET LOCAL idle_in_transaction_session_timeout = '10s'; SET LOCAL row_security = on;
        SET LOCAL session_replication_role = replica; SET LOCAL search_path = {schemas}, pg_temp; {}",
        canary::FENCES
    )
}
