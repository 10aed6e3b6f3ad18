//! The questions, and what their answers mean. Without I/O.

use super::canary::Canary;
use crate::isolation::sqlstate::SEAL_INVALID;

/// What keeps the application from a row: `insufficient_privilege`, of a missing grant and of a policy's check;
/// a tenant that is none; and a view or a materialized view that nobody can write through. Whatever else a
/// question comes to, such as a lock that somebody holds or a division by zero, says nothing.
const REFUSALS: [&str; 4] = ["42501", SEAL_INVALID, "55000", "42809"];

/// As whom a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// As the role that sees the canaries.
    Prober,
    /// As the application, without a tenant.
    Nobody,
    /// As the application, in a transaction of the first canary's.
    First,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) who: Who,
    pub(super) verb: &'static str,
    pub(super) sql: String,
    /// What it is when it does not go as it should, as half a sentence.
    pub(super) leak: &'static str,
    expected: Expected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// No row, or a refusal.
    Nothing,
    /// Rows: what shows that no rows elsewhere mean something.
    Rows,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// So many were seen or changed.
    Rows(u64),
    /// An error of this code.
    Refused(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    AsItShould,
    Leak,
    /// Why it says nothing.
    Unknown(String),
}

impl Question {
    pub(super) fn verdict(&self, answer: &Answer) -> Verdict {
        match (self.expected, answer) {
            (Expected::Nothing, Answer::Rows(0)) | (Expected::Rows, Answer::Rows(1..)) => {
                Verdict::AsItShould
            }
            (Expected::Nothing, Answer::Rows(_)) => Verdict::Leak,
            (Expected::Nothing, Answer::Refused(code)) if REFUSALS.contains(&&**code) => {
                Verdict::AsItShould
            }
            (Expected::Nothing, Answer::Refused(code)) => {
                Verdict::Unknown(format!("its {} failed with {code}", self.verb))
            }
            (Expected::Rows, _) => {
                Verdict::Unknown(format!("its own tenant's {} came to nothing", self.verb))
            }
        }
    }
}

/// Whether the canaries are in it at all.
pub(super) fn shown(canary: &Canary) -> Question {
    Question {
        who: Who::Prober,
        verb: "SELECT",
        sql: select(canary, &both(canary)),
        leak: "",
        expected: Expected::Rows,
    }
}

/// Every verb that the application has, without a tenant, of the wrong one and of the right one.
pub(super) fn all(canary: &Canary) -> Vec<Question> {
    let (first, second) = (one(canary, &canary.first), one(canary, &canary.second));
    let mut questions = Vec::new();
    for (verb, sql, without, others) in [
        (
            "SELECT",
            select as fn(&Canary, &str) -> String,
            "it is seen without a tenant",
            "another tenant's row is seen",
        ),
        (
            "UPDATE",
            update,
            "it is changed without a tenant",
            "another tenant's row is changed",
        ),
        (
            "DELETE",
            delete,
            "it is deleted without a tenant",
            "another tenant's row is deleted",
        ),
    ] {
        if may(canary, verb) {
            questions.extend([
                nothing(Who::Nobody, verb, sql(canary, &both(canary)), without),
                nothing(Who::First, verb, sql(canary, &second), others),
                Question {
                    who: Who::First,
                    verb,
                    sql: sql(canary, &first),
                    leak: "",
                    expected: Expected::Rows,
                },
            ]);
        }
    }
    if let Some(insert) = canary
        .insert_third
        .as_ref()
        .filter(|_| may(canary, "INSERT"))
    {
        for (who, leak) in [
            (Who::Nobody, "a row is made without a tenant"),
            (Who::First, "another tenant's row is made"),
        ] {
            questions.push(nothing(who, "INSERT", insert.clone(), leak));
        }
    }
    if canary.insert_third.is_some() && may(canary, "UPDATE") {
        let give = format!(
            "UPDATE {} SET \"{}\" = {} WHERE {first}",
            canary.quoted, canary.column, canary.third
        );
        let leak = "a row is given to another tenant";
        questions.push(nothing(Who::First, "UPDATE", give, leak));
    }
    questions
}

fn may(canary: &Canary, verb: &str) -> bool {
    canary.rights.iter().any(|right| right == verb)
}

const fn nothing(who: Who, verb: &'static str, sql: String, leak: &'static str) -> Question {
    Question {
        who,
        verb,
        sql,
        leak,
        expected: Expected::Nothing,
    }
}

fn one(canary: &Canary, tenant: &str) -> String {
    format!("\"{}\" = {tenant}", canary.column)
}

fn both(canary: &Canary) -> String {
    format!(
        "\"{}\" IN ({}, {})",
        canary.column, canary.first, canary.second
    )
}

fn select(canary: &Canary, which: &str) -> String {
    format!("SELECT 1 FROM {} WHERE {which}", canary.quoted)
}

fn update(canary: &Canary, which: &str) -> String {
    let (table, column) = (&canary.quoted, &canary.column);
    format!("UPDATE {table} SET \"{column}\" = \"{column}\" WHERE {which}")
}

fn delete(canary: &Canary, which: &str) -> String {
    format!("DELETE FROM {} WHERE {which}", canary.quoted)
}

#[cfg(test)]
mod tests {
    use super::{Answer, Expected, Question, Verdict, Who};

    #[track_caller]
    fn check(expected: Expected, answer: &Answer, verdict: &Verdict) {
        let question = Question {
            who: Who::First,
            verb: "UPDATE",
            sql: String::new(),
            leak: "it leaks",
            expected,
        };
        assert_eq!(question.verdict(answer), *verdict);
    }

    #[test]
    fn an_answer_means_what_was_expected_of_it() {
        let error = |code: &str| Answer::Refused(code.to_owned());
        let unknown = |why: &str| Verdict::Unknown(why.to_owned());
        check(Expected::Nothing, &Answer::Rows(0), &Verdict::AsItShould);
        check(Expected::Nothing, &Answer::Rows(1), &Verdict::Leak);
        for refusal in ["42501", "TN001", "55000"] {
            check(Expected::Nothing, &error(refusal), &Verdict::AsItShould);
        }
        for other in ["57014", "55P03", "42P01", "23505"] {
            let why = format!("its UPDATE failed with {other}");
            check(Expected::Nothing, &error(other), &unknown(&why));
        }
        check(Expected::Rows, &Answer::Rows(1), &Verdict::AsItShould);
        let why = "its own tenant's UPDATE came to nothing";
        check(Expected::Rows, &Answer::Rows(0), &unknown(why));
        check(Expected::Rows, &error("42501"), &unknown(why));
    }
}
