//! The questions, and what their answers mean. Without I/O.

use super::canary::Canary;
use crate::isolation::sqlstate::SEAL_INVALID;

/// `insufficient_privilege`: of a missing grant, and of a policy's check.
const REFUSED: &str = "42501";

/// As whom a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Superuser,
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
    /// No row, or any error.
    Nothing,
    /// A refusal, as opposed to an error of another kind; or that there was nothing to do.
    Refusal,
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
            (Expected::Nothing, Answer::Rows(0) | Answer::Refused(_))
            | (Expected::Refusal, Answer::Rows(0))
            | (Expected::Rows, Answer::Rows(1..)) => Verdict::AsItShould,
            (Expected::Refusal, Answer::Refused(code))
                if code == REFUSED || code == SEAL_INVALID =>
            {
                Verdict::AsItShould
            }
            (Expected::Nothing | Expected::Refusal, Answer::Rows(_)) => Verdict::Leak,
            (Expected::Refusal, Answer::Refused(code)) => Verdict::Unknown(format!(
                "its {} failed with {code} before a policy was asked",
                self.verb
            )),
            (Expected::Rows, _) => {
                Verdict::Unknown(format!("its own tenant's {} came to nothing", self.verb))
            }
        }
    }
}

/// Whether the canaries are in it at all.
pub(super) fn shown(canary: &Canary) -> Question {
    Question {
        who: Who::Superuser,
        verb: "SELECT",
        sql: select(canary, &both(canary)),
        leak: "",
        expected: Expected::Rows,
    }
}

/// Every verb, without a tenant, of the wrong one and of the right one.
pub(super) fn all(canary: &Canary) -> Vec<Question> {
    let (first, second) = (one(canary, &canary.first), one(canary, &canary.second));
    let mut questions = vec![
        nothing(
            Who::Nobody,
            "SELECT",
            select(canary, &both(canary)),
            "it is seen without a tenant",
        ),
        nothing(
            Who::First,
            "SELECT",
            select(canary, &second),
            "another tenant's row is seen",
        ),
        nothing(
            Who::Nobody,
            "UPDATE",
            update(canary, &both(canary)),
            "it is changed without a tenant",
        ),
        nothing(
            Who::First,
            "UPDATE",
            update(canary, &second),
            "another tenant's row is changed",
        ),
        nothing(
            Who::Nobody,
            "DELETE",
            delete(canary, &both(canary)),
            "it is deleted without a tenant",
        ),
        nothing(
            Who::First,
            "DELETE",
            delete(canary, &second),
            "another tenant's row is deleted",
        ),
    ];
    for (right, sql) in [
        ("SELECT", select(canary, &first)),
        ("UPDATE", update(canary, &first)),
        ("DELETE", delete(canary, &first)),
    ] {
        if canary.rights.iter().any(|given| given == right) {
            questions.push(Question {
                who: Who::First,
                verb: right,
                sql,
                leak: "",
                expected: Expected::Rows,
            });
        }
    }
    if let Some(insert) = &canary.insert_third {
        questions.push(refusal(
            Who::Nobody,
            "INSERT",
            insert.clone(),
            "a row is made without a tenant",
        ));
        questions.push(refusal(
            Who::First,
            "INSERT",
            insert.clone(),
            "another tenant's row is made",
        ));
        let give = format!(
            "UPDATE {} SET \"{}\" = {} WHERE {first}",
            canary.quoted, canary.column, canary.third
        );
        questions.push(refusal(
            Who::First,
            "UPDATE",
            give,
            "a row is given to another tenant",
        ));
    }
    questions
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

const fn refusal(who: Who, verb: &'static str, sql: String, leak: &'static str) -> Question {
    Question {
        who,
        verb,
        sql,
        leak,
        expected: Expected::Refusal,
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
        check(Expected::Nothing, &error("42501"), &Verdict::AsItShould);
        check(Expected::Nothing, &Answer::Rows(1), &Verdict::Leak);
        check(Expected::Refusal, &error("42501"), &Verdict::AsItShould);
        check(Expected::Refusal, &error("TN001"), &Verdict::AsItShould);
        check(Expected::Refusal, &Answer::Rows(1), &Verdict::Leak);
        let why = "its UPDATE failed with 23505 before a policy was asked";
        check(Expected::Refusal, &error("23505"), &unknown(why));
        check(Expected::Rows, &Answer::Rows(1), &Verdict::AsItShould);
        let why = "its own tenant's UPDATE came to nothing";
        check(Expected::Rows, &Answer::Rows(0), &unknown(why));
        check(Expected::Rows, &error("42501"), &unknown(why));
    }
}
