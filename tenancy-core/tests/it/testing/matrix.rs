use std::{
    collections::HashMap,
    num::NonZeroU16,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    routing::get,
};
use http::{HeaderMap, StatusCode};
use tenancy_core::{
    HostEvidence, OpenToAll, ReadOnly, Resolver, TenantContext,
    middleware::TenantLayer,
    testing::matrix::{Matrix, Report, Verdict},
    types::{Lifecycle, TenantId, WorkBudget},
};

use super::text;
use crate::{
    db::tenant,
    routes::{Routes, placed},
};

/// What the application forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    /// To ask whose session it is.
    Session,
    /// To ask whose note it is.
    Note,
    /// That there may be none.
    Panic,
    /// That who shows no session is nobody.
    Stranger,
    /// That a session may be shown twice, and which of the two it asked about.
    Twice,
    /// To serve anybody.
    Everything,
    /// That a refusal, too, is seen by somebody.
    Refusal,
    /// To refuse before it deletes.
    Late,
    /// That pages that it keeps are somebody's.
    Cache,
}

#[derive(Clone)]
struct Notes {
    mistake: Mistake,
    notes: Arc<Mutex<HashMap<u64, (TenantId, &'static str)>>>,
    /// What was shown, by the note's id alone.
    cache: Arc<Mutex<HashMap<u64, &'static str>>>,
}

impl Notes {
    /// The tenant's note, or why not.
    fn find(
        &self,
        tenant: TenantId,
        headers: &HeaderMap,
        id: u64,
    ) -> Result<&'static str, (StatusCode, String)> {
        let nothing = String::new;
        let session = format!("session={tenant}");
        let shown = headers.get("cookie");
        let own = match self.mistake {
            Mistake::Stranger => shown.is_none_or(|cookie| *cookie == session),
            Mistake::Twice => headers
                .get_all("cookie")
                .iter()
                .any(|cookie| *cookie == session),
            _ => shown.is_some_and(|cookie| *cookie == session),
        };
        if self.mistake == Mistake::Everything || (!own && self.mistake != Mistake::Session) {
            return Err((StatusCode::UNAUTHORIZED, nothing()));
        }
        let found = self.notes.lock().unwrap().get(&id).copied();
        let last = headers.get_all("cookie").iter().next_back();
        match found {
            Some((of, text)) if of == tenant || self.mistake == Mistake::Note => Ok(text),
            // Whose note it may be, the last session says.
            Some((of, text))
                if self.mistake == Mistake::Twice
                    && last.is_some_and(|last| *last == format!("session={of}")) =>
            {
                Ok(text)
            }
            Some(_) if self.mistake == Mistake::Panic => panic!("there is no note {id}"),
            Some((_, text)) if self.mistake == Mistake::Refusal => {
                Err((StatusCode::FORBIDDEN, format!("{text} is not yours")))
            }
            _ => Err((StatusCode::NOT_FOUND, nothing())),
        }
    }
}

async fn show(
    ctx: TenantContext<ReadOnly>,
    State(notes): State<Notes>,
    headers: HeaderMap,
    Path(id): Path<u64>,
) -> Result<&'static str, (StatusCode, String)> {
    if notes.mistake == Mistake::Cache
        && let Some(kept) = notes.cache.lock().unwrap().get(&id)
    {
        return Ok(kept);
    }
    let found = notes.find(ctx.tenant(), &headers, id)?;
    notes.cache.lock().unwrap().insert(id, found);
    Ok(found)
}

async fn delete(
    ctx: TenantContext<ReadOnly>,
    State(notes): State<Notes>,
    headers: HeaderMap,
    Path(id): Path<u64>,
) -> Result<(), (StatusCode, String)> {
    let found = notes.find(ctx.tenant(), &headers, id);
    if notes.mistake == Mistake::Late
        && let Some((_, text)) = notes.notes.lock().unwrap().get_mut(&id)
    {
        *text = if id == 7 {
            "spades, crossed out"
        } else {
            "espresso, crossed out"
        };
    }
    found?;
    notes.notes.lock().unwrap().remove(&id);
    Ok(())
}

async fn home(ctx: TenantContext<ReadOnly>) -> &'static str {
    if ctx.tenant() == tenant(1) {
        "all about spades"
    } else {
        "all about espresso"
    }
}

fn app(mistake: Mistake) -> Router {
    let notes = [
        (7, (tenant(1), "all about spades")),
        (9, (tenant(2), "all about espresso")),
    ];
    let notes = Notes {
        mistake,
        notes: Arc::new(Mutex::new(HashMap::from(notes))),
        cache: Arc::default(),
    };
    let routes = Routes::default()
        .tenant(1, placed(Lifecycle::Active))
        .tenant(2, placed(Lifecycle::Active))
        .domain("garden.example", 1)
        .domain("coffee.example", 2);
    let budget = WorkBudget::new(NonZeroU16::MIN, Duration::from_secs(1));
    let layer = TenantLayer::new(
        routes,
        Resolver::new().with(HostEvidence),
        OpenToAll,
        move |_| budget,
    );
    Router::new()
        .route("/", get(home))
        .route("/notes/{id}", get(show).delete(delete))
        .with_state(notes)
        .layer(layer)
}

fn matrix() -> Matrix {
    Matrix::of("garden", "coffee")
        .host("garden.example", "coffee.example")
        .header("cookie", "session=1", "session=2")
        .value("note", 7, 9)
        .mark("spades", "espresso")
        .open_request("GET", "/")
        .request("GET", "/notes/{note}")
        .request("DELETE", "/notes/{note}")
}

async fn report(mistake: Mistake) -> Report {
    matrix().run::<_, Body, _>(&app(mistake)).await
}

#[tokio::test]
async fn an_application_that_asks_whose_everything_is_passes() {
    let report = report(Mistake::None).await;
    report.assert_refused();
    // Of three parts six mixtures, of two parts two. Each of two headers is absent, or there twice in two orders,
    // beside four mixtures of the other two parts, or two of the other one. The requests that change nothing go
    // three times for each tenant, and the one that does goes once; a choice of cookies is not tried with it.
    assert_eq!(
        report.rows().len(),
        (6 + 2 * 3 * 4) + (6 + 2 * 3 * 4 - 4) + (2 + 2 * 3 * 2) + 2 * 3 * 2 + 2
    );
    let count = |verdict| {
        let rows = report.rows().iter();
        rows.filter(|row| row.verdict() == verdict).count()
    };
    // Of the first of two cookies the application asks: two of four such notes are shown.
    assert_eq!(count(Verdict::OneChosen), 2);
    assert_eq!(count(Verdict::Refused), (30 - 2) + 26 + 6);
    assert_eq!(count(Verdict::OfHost), 2 + 6);
    assert_eq!(count(Verdict::Served), 2 * 3 * 2 + 2);
}

/// Each mistake is found in a cell of the table that it makes leak.
#[tokio::test]
async fn each_mistake_is_found_where_it_is() {
    for (mistake, line) in [
        (
            Mistake::Session,
            "| GET /notes/{note} | garden | coffee | garden | 200 | LEAK: not refused |",
        ),
        (
            Mistake::Note,
            "| GET /notes/{note} | garden | garden | coffee | 200 | LEAK: another tenant's mark in the answer |",
        ),
        (
            Mistake::Panic,
            "| GET /notes/{note} | garden | garden | coffee | it panicked: there is no note 9 | BROKEN: no answer to judge |",
        ),
        (
            Mistake::Stranger,
            "| GET /notes/{note} | garden | nobody | garden | 200 | LEAK: not refused |",
        ),
        (
            Mistake::Twice,
            "| GET /notes/{note} | garden | garden and coffee | coffee | 200 | LEAK: another tenant's mark in the answer |",
        ),
        (
            Mistake::Everything,
            "| GET /notes/{note} | coffee | coffee | coffee | 401 | PROVES NOTHING: its own request is not served |",
        ),
        (
            Mistake::Refusal,
            "| GET /notes/{note} | garden | garden | coffee | 403 | LEAK: another tenant's mark in the answer |",
        ),
        (
            Mistake::Late,
            "| GET /notes/{note} | garden | garden | garden | 200 | LEAK: changed by a mixture |",
        ),
        (
            Mistake::Cache,
            "| GET /notes/{note} | garden | garden | coffee | 200 | LEAK: another tenant's mark in the answer |",
        ),
    ] {
        let report = report(mistake).await;
        assert!(report.to_string().contains(line), "{mistake:?}:\n{report}");
        let said = text(std::panic::catch_unwind(|| report.assert_refused()).unwrap_err());
        assert!(said.contains(line), "{mistake:?}:\n{said}");
        assert!(!said.contains("| refused |"), "only what is wrong: {said}");
    }
}

#[tokio::test]
async fn a_mark_that_is_nowhere_marks_nothing() {
    let matrix = matrix().mark("spades", "tea");
    let report = matrix.run::<_, Body, _>(&app(Mistake::None)).await;
    let said = text(std::panic::catch_unwind(|| report.assert_refused()).unwrap_err());
    assert!(
        said.contains("PROVES NOTHING: its tenant's mark is not in the answer"),
        "{said}"
    );
}

#[tokio::test]
#[should_panic(expected = "what marks the answers to each tenant?")]
async fn what_tells_answers_apart_must_be_said() {
    let matrix = Matrix::of("garden", "coffee")
        .host("garden.example", "coffee.example")
        .value("note", 7, 9)
        .request("GET", "/notes/{note}");
    matrix.run::<_, Body, _>(&app(Mistake::None)).await;
}

#[tokio::test]
#[should_panic(expected = "has less than two parts to mix")]
async fn a_request_that_cannot_be_mixed_is_no_request_of_a_matrix() {
    let matrix = Matrix::of("garden", "coffee")
        .host("garden.example", "coffee.example")
        .without_marks()
        .request("GET", "/");
    matrix.run::<_, Body, _>(&app(Mistake::None)).await;
}
