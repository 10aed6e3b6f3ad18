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
//! Each header is also left out, and sent twice, with both tenants' values. A request without one must be refused:
//! there is no tenant by default, and no way in without a credential. So must one with two hosts (RFC 9112, section
//! 3.2). Of another header that is there twice an application may choose one; then it must serve whose everything
//! else is. Of requests that change something such a choice is not tried.
//!
//! Where refusals are redirects, or a 200 as GraphQL's, or where one's own requests are answered with a redirect,
//! [`also_refused`](Matrix::also_refused) and [`also_served`](Matrix::also_served) say so. What requests have
//! beside their parts, such as the extension in which axum looks for `ConnectInfo`, a layer around the service
//! gives them. What it does not try: answers that never end, for which it waits.
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

use std::{
    any::Any,
    fmt::Display,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use http::{HeaderMap, HeaderName, Method, Request, Response};
use http_body::Body;
use tower_service::Service;

use mixture::{Mixture, Part, Place, Template};
use verdict::{Answer, Expect, Judge, Marks};

pub use report::{Report, Row};
pub use verdict::Verdict;

/// What makes the requests of two tenants, and the requests.
#[derive(Clone, Debug)]
pub struct Matrix {
    names: [String; 2],
    parts: Vec<Part>,
    judge: Judge,
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
            judge: Judge::new(),
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
    #[must_use]
    pub fn mark(mut self, one: impl Into<String>, two: impl Into<String>) -> Self {
        self.judge.marks = Marks::Texts([one.into(), two.into()]);
        self
    }

    /// Instead of [marks](Self::mark), when nothing tells answers apart. Only statuses are then judged: a list of
    /// everybody's rows is not told from one's own.
    #[must_use]
    pub fn without_marks(mut self) -> Self {
        self.judge.marks = Marks::Without;
        self
    }

    /// Answers that are refusals though they are no 4xx: a redirect to the login, a 200 that has only errors.
    #[must_use]
    pub fn also_refused(mut self, is: fn(&Response<String>) -> bool) -> Self {
        self.judge.also_refused = is;
        self
    }

    /// Answers that serve a tenant's own request though they are no 2xx: a redirect to what was made.
    #[must_use]
    pub fn also_served(mut self, is: fn(&Response<String>) -> bool) -> Self {
        self.judge.also_served = is;
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

    /// One with a body. When it changes something, then nothing that the other requests show.
    ///
    /// # Panics
    /// When it is no method.
    #[must_use]
    pub fn open_request_with(self, method: &str, path: impl Into<String>, body: &str) -> Self {
        self.with(method, path, body, Expect::OfHost)
    }

    /// Sends all of them, one after the other, each to a clone of the service.
    ///
    /// # Panics
    /// When a request cannot be made of the parts, when there are more than 8 or less than 2, when neither
    /// [marks](Self::mark) were given nor that there are [none](Self::without_marks), or when an
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
        let (pure, foreign) = (Mixture::pure, Mixture::foreign);
        let mut rows = self.send(service, Method::is_safe, pure).await;
        let before = rows.clone();
        rows.extend(self.send(service, Method::is_safe, foreign).await);
        let settled = self.send(service, Method::is_safe, pure).await;
        rows.extend(settled.iter().cloned());
        let refused = self.send(service, changes, Mixture::unserved).await;
        if !refused.is_empty() {
            rows.extend(refused);
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
        Report::new(self.parts.iter().map(Part::name).collect(), rows).marked(self.judge.marks())
    }

    async fn send<S, B, R>(
        &self,
        service: &S,
        which: fn(&Method) -> bool,
        mixtures: fn(&[Part]) -> Vec<Mixture>,
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
            let verdict = self
                .judge
                .judge(expect, template.method(), &mixture, &answer);
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
            self.parts.len() <= 8,
            "a matrix of more than 8 parts is too large"
        );
        assert!(
            !matches!(self.judge.marks, Marks::Unsaid),
            "what marks the answers to each tenant? say it with `mark`, or `without_marks`"
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
        let told_apart = self.judge.marks().is_some() && self.parts.iter().any(Part::is_host);
        assert!(
            !open || told_apart,
            "answers to open requests are told apart by hosts and marks"
        );
    }

    fn all(&self, mixtures: fn(&[Part]) -> Vec<Mixture>) -> Vec<(Template, Expect, Mixture)> {
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
        poll_fn(|cx| service.poll_ready(cx))
            .await
            .map_err(|error| error.to_string())?;
        let response = service.call(request).await;
        let (mut head, body) = response.map_err(|error| error.to_string())?.into_parts();
        let text = text(body, &mut head.headers).await;
        let text = text.map_err(|error| format!("{}, then: {error}", head.status))?;
        Ok(Response::from_parts(head, text))
    };
    match caught(answered).await {
        Ok(Ok(response)) => Answer::Response(response),
        Ok(Err(error)) => Answer::Broken(error),
        Err(panic) => Answer::Broken(format!("it panicked: {}", said(&*panic))),
    }
}

/// What a future answers, or with what it panicked.
async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        // It is not polled again after a panic.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("and said no text")
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
