//! What a cell's process does for control. Control shows a pass with everything.

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::StreamExt;
use tenancy_migrate::Home;
use tenancy_types::CellId;

use super::{
    Archives, Arrived, Site,
    away::{ActRequest, Answer, HomeQuery},
    cell_work::WorkError,
    cells::OpenCell,
    finished,
};
use crate::{cluster::ControlPass, ops::OpsError};

/// A cell of this process, as control sees it.
#[derive(Clone, Debug)]
struct Served {
    site: Site,
    archives: Archives,
}

/// What workflows ask of cells. Archives stay in this folder while they are loaded.
pub fn cell_api(site: Site, archives: Archives) -> Router {
    Router::new()
        .route("/cell/acts", post(act))
        .route("/cell/archives/{verb}", post(archive))
        .with_state(Served { site, archives })
}

/// Lets a request through when it has a pass for this cell.
pub async fn require_pass(
    State((cell, pass)): State<(CellId, ControlPass)>,
    request: Request,
    next: Next,
) -> Response {
    let asked = (request.method(), request.uri());
    match pass.check(cell, asked, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(_) => OpsError::Unauthorized.into_response(),
    }
}

impl Served {
    fn find(&self, home: HomeQuery) -> Result<(OpenCell, Home), WorkError> {
        let home = home
            .home()
            .ok_or_else(|| WorkError::Failed("there is no such home".into()))?;
        let cell = home.placement.cell;
        let open = self.site.open_cell(cell).ok_or(WorkError::Away { cell })?;
        Ok((open.clone(), home))
    }
}

/// Done to its end, also when control goes away meanwhile.
async fn act(State(served): State<Served>, Json(request): Json<ActRequest>) -> Json<Answer> {
    let acted = finished(async move {
        let (cell, home) = served.find(request.home)?;
        let acted = Box::pin(cell.perform(served.site.directory(), home, request.act)).await?;
        // Who asked tells somebody that requests see it.
        served.site.caught_up(home.tenant).await;
        Ok(acted)
    });
    Json(acted.await.into())
}

async fn archive(
    State(served): State<Served>,
    Path(verb): Path<String>,
    Query(home): Query<HomeQuery>,
    body: Body,
) -> Json<Answer> {
    let arrived = match receive(&served.archives, body).await {
        Ok(arrived) => arrived,
        Err(error) => return Json(error.into()),
    };
    Json(finished(async move { load(&served, &verb, home, &arrived).await }).await)
}

async fn receive(archives: &Archives, body: Body) -> Result<Arrived, WorkError> {
    let mut arrival = archives.arrival().await.map_err(WorkError::failed)?;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(WorkError::failed)?;
        arrival.write(&chunk).await.map_err(WorkError::failed)?;
    }
    arrival.finish().await.map_err(WorkError::failed)
}

async fn load(served: &Served, verb: &str, home: HomeQuery, arrived: &Arrived) -> Answer {
    let (cell, home) = match served.find(home) {
        Ok(found) => found,
        Err(error) => return error.into(),
    };
    let file = arrived.path();
    let done = |done: Result<(), WorkError>| done.map_or_else(Answer::from, |()| Answer::Done);
    match verb {
        "check" => cell.check_archive(home, file).await.into(),
        "refill" => done(cell.refill(home, file).await),
        "seed" => done(cell.seed(home, file).await),
        _ => Answer::Failed(format!("nobody knows how to {verb} an archive")),
    }
}
