//! Requests of one tenant in which a part is another's: host, cookie, credential, key, path.
//!
//! The oldest complaint about multi-tenant applications is that a login of one works at another. So a
//! [`Matrix`] is told, for two tenants, what makes their requests, and the requests; it then sends each with
//! every mixture of the two tenants' parts. A mixture must be refused (4xx); the unmixed requests must be
//! served (2xx), or it would be no wonder that the mixed ones are not.
//!
//! First go the requests that change nothing: the tenants' own, which fill caches, the mixtures, and the own
//! ones again, which would see what a mixture left there. Then go the mixtures of those that change something,
//! and once more the own ones that show it, whose answers must be as before: a refusal that comes after the
//! change is none. The tenants' own changes come last, because they may delete what all others ask for.
//!
//! What it does not try: requests without a part, with both tenants' or with one twice; answers that never end;
//! and applications whose own requests are answered with a redirect, or whose refusals are a 200 or a 303.
//!
//! ```
//! # #[cfg(feature = "axum")] mod example {
//! use axum::{Router, body::Body};
//! use tenancy_core::testing::matrix::Matrix;
//!
//! async fn no_request_crosses(app: Router) {
//!     let matrix = Matrix::of("garden", "coffee")
//!         .host("garden.example", "coffee.example")
//!         .header("cookie", "session=g1", "session=c1")
//!         .value("product", 7, 9)
//!         .mark("Spade", "Espresso")
//!         .request("GET", "/products/{product}")
//!         .request("DELETE", "/products/{product}")
//!         .open_request("GET", "/");
//!     matrix.run::<_, Body, _>(&app).await.assert_refused();
//! }
//! # }
//! ```

mod mixture;
mod report;
mod verdict;

use std::{fmt::Display, future::poll_fn, pin::pin};

use http::{HeaderMap, HeaderName, Method, Request, Response};
use http_body::Body;
use tower_service::Service;

use mixture::{Mixture, Part, Place, Template};
use verdict::{Answer, Expect, judge};

pub use report::{Report, Row};
pub use verdict::Verdict;

/// What makes the requests of two tenants, and the requests.
#[derive(Clone, Debug)]
pub struct Matrix {
    names: [String; 2],
    parts: Vec<Part>,
    marks: Option<[String; 2]>,
    same: Vec<(HeaderName, String)>,
    requests: Vec<(Template, Expect)>,
}

impl Matrix {
    /// Of two tenants, by their names in the report.
    #[must_use]
    pub fn of(one: impl Into<String>, two: impl Into<String>) -> Self {
        Self {
            names: [one.into(), two.into()],
            parts: Vec::new(),
            marks: None,
            same: Vec::new(),
            requests: Vec::new(),
        }
    }

    /// Their hosts.
    #[must_use]
    pub fn host(self, one: impl Into<String>, two: impl Into<String>) -> Self {
        self.part("host".into(), Place::Host, [one.into(), two.into()])
    }

    /// A header that each sends with a value of its own: a cookie, a credential, a key.
    ///
    /// # Panics
    /// When it is no name of a header.
    #[must_use]
    pub fn header(self, name: &str, one: impl Into<String>, two: impl Into<String>) -> Self {
        let place = Place::Header(header(name));
        self.part(name.into(), place, [one.into(), two.into()])
    }

    /// What each has instead of `{name}` in paths and bodies: the id of something that is theirs.
    #[must_use]
    pub fn value(self, name: &str, one: impl Display, two: impl Display) -> Self {
        self.part(
            name.into(),
            Place::Value,
            [one.to_string(), two.to_string()],
        )
    }

    /// A text that is in answers to one of them only. No answer may have that of a tenant whose host was not
    /// asked, in its body, a header or a trailer; and each must be in the body of each `GET` of its own.
    ///
    /// Without marks only statuses are judged: a list of everybody's rows is then not told from one's own.
    #[must_use]
    pub fn mark(mut self, one: impl Into<String>, two: impl Into<String>) -> Self {
        self.marks = Some([one.into(), two.into()]);
        self
    }

    /// A header that all requests have.
    ///
    /// # Panics
    /// When it is no name of a header.
    #[must_use]
    pub fn every(mut self, name: &str, value: impl Into<String>) -> Self {
        self.same.push((header(name), value.into()));
        self
    }

    /// A request that only its own tenant may make.
    ///
    /// # Panics
    /// When it is no method.
    #[must_use]
    pub fn request(self, method: &str, path: impl Into<String>) -> Self {
        self.with(method, path, "", Expect::Refusal)
    }

    /// One with a body.
    ///
    /// # Panics
    /// When it is no method.
    #[must_use]
    pub fn request_with(self, method: &str, path: impl Into<String>, body: &str) -> Self {
        self.with(method, path, body, Expect::Refusal)
    }

    /// One that everybody may make at a host, such as its home page: a mixture may be served or redirected,
    /// as the host's own, so without the other's [mark](Self::mark).
    ///
    /// # Panics
    /// When it is no method.
    #[must_use]
    pub fn open_request(self, method: &str, path: impl Into<String>) -> Self {
        self.with(method, path, "", Expect::OfHost)
    }

    /// Sends all of them, one after the other, each to a clone of the service.
    ///
    /// # Panics
    /// When a request cannot be made of the parts, when there are more than 12 or less than 2, or when an
    /// [`open_request`](Self::open_request) comes without hosts or marks, by which it is judged.
    ///
    /// # Cancel safety
    /// What was sent has been sent.
    pub async fn run<S, B, R>(&self, service: &S) -> Report
    where
        S: Service<Request<B>, Response = Response<R>> + Clone,
        S::Error: Display,
        B: From<String>,
        R: Body,
        R::Error: Display,
    {
        self.check();
        let (pure, mixed) = (
            |parts: &[Part]| Mixture::pure(parts).to_vec(),
            Mixture::mixed,
        );
        let mut rows = self.send(service, Method::is_safe, pure).await;
        let before = rows.clone();
        rows.extend(self.send(service, Method::is_safe, mixed).await);
        let settled = self.send(service, Method::is_safe, pure).await;
        rows.extend(settled.iter().cloned());
        let mixed_changes = self.send(service, changes, mixed).await;
        if !mixed_changes.is_empty() {
            rows.extend(mixed_changes);
            let after = self.send(service, Method::is_safe, pure).await;
            let known = before.iter().zip(&settled);
            rows.extend(
                after
                    .into_iter()
                    .zip(known)
                    .map(|(row, known)| row.since(known)),
            );
            rows.extend(self.send(service, changes, pure).await);
        }
        Report::new(self.parts.iter().map(Part::name).collect(), rows).marked(self.marks.as_ref())
    }

    async fn send<S, B, R>(
        &self,
        service: &S,
        which: fn(&Method) -> bool,
        mixtures: impl Fn(&[Part]) -> Vec<Mixture>,
    ) -> Vec<Row>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone,
        S::Error: Display,
        B: From<String>,
        R: Body,
        R::Error: Display,
    {
        let mut rows = Vec::new();
        for (template, expect, mixture) in self.all(mixtures) {
            if !which(template.method()) {
                continue;
            }
            let request = template.request(&mixture, &self.same);
            let answer = ask(service.clone(), request.map(B::from)).await;
            let marks = self.marks.as_ref();
            let verdict = judge(expect, template.method(), &mixture, &answer, marks);
            rows.push(Row::new(
                &template,
                &mixture,
                &self.names,
                (answer, verdict),
            ));
        }
        rows
    }

    fn part(mut self, name: String, place: Place, of: [String; 2]) -> Self {
        self.parts.push(Part::new(name, place, of));
        self
    }

    fn with(mut self, method: &str, path: impl Into<String>, body: &str, expect: Expect) -> Self {
        let method = Method::from_bytes(method.as_bytes())
            .unwrap_or_else(|error| panic!("{method}: {error}"));
        let template = Template::new(method, path.into(), body.into());
        self.requests.push((template, expect));
        self
    }

    fn check(&self) {
        assert!(
            self.parts.len() <= 12,
            "a matrix of more than 12 parts is too large"
        );
        for (template, _) in &self.requests {
            let parts = self.parts.iter().filter(|part| template.uses(part));
            let title = template.title();
            assert!(parts.count() > 1, "{title} has less than two parts to mix");
        }
        let open = self
            .requests
            .iter()
            .any(|(_, expect)| *expect == Expect::OfHost);
        let told_apart = self.marks.is_some() && self.parts.iter().any(Part::is_host);
        assert!(
            !open || told_apart,
            "answers to open requests are told apart by hosts and marks"
        );
    }

    fn all(&self, mixtures: impl Fn(&[Part]) -> Vec<Mixture>) -> Vec<(Template, Expect, Mixture)> {
        let of_request = |(template, expect): &(Template, Expect)| {
            let used = self.parts.iter().filter(|part| template.uses(part));
            let used: Vec<Part> = used.cloned().collect();
            let (template, expect) = (template.clone(), *expect);
            mixtures(&used)
                .into_iter()
                .map(move |mixture| (template.clone(), expect, mixture))
                .collect::<Vec<_>>()
        };
        self.requests.iter().flat_map(of_request).collect()
    }
}

fn changes(method: &Method) -> bool {
    !method.is_safe()
}

fn header(name: &str) -> HeaderName {
    name.parse()
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

async fn ask<S, B, R>(mut service: S, request: Request<B>) -> Answer
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Display,
    R: Body,
    R::Error: Display,
{
    let answered = async {
        poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(request).await
    };
    match answered.await {
        Ok(response) => {
            let status = response.status();
            let mut headers = response.headers().clone();
            match text(response.into_body(), &mut headers).await {
                Ok(body) => Answer::Response {
                    status,
                    headers,
                    body,
                },
                Err(error) => Answer::Broken(format!("{status}, then: {error}")),
            }
        }
        Err(error) => Answer::Broken(error.to_string()),
    }
}

/// All of a body; what is no text in it is replaced. Its trailers go to the headers.
async fn text<R: Body>(body: R, headers: &mut HeaderMap) -> Result<String, R::Error> {
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        match frame?.into_data() {
            Ok(mut data) => {
                use bytes::Buf as _;
                bytes.extend_from_slice(&data.copy_to_bytes(data.remaining()));
            }
            Err(frame) => headers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
