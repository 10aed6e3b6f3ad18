use http::{HeaderName, HeaderValue, Response, StatusCode};
use tenancy_types::Problem;

/// On a cell's answer 421: where the tenant lives.
pub(super) const HINT: HeaderName = HeaderName::from_static("tenancy-hint");
/// On a cell's answer 503: the tenant's own cell fenced the request off before it did anything.
const FENCED: HeaderName = HeaderName::from_static("tenancy-fenced");

/// Says of a handler's answer that nothing was done: nothing committed, nobody's card charged, no mail sent.
///
/// A handler, or what makes answers of its errors, leaves it in the answer's extensions when the *first* thing that it did,
/// to open its transaction, was refused by the cell's guard. Only then may the request be carried out a second time,
/// elsewhere or later. Without it an answer 421 from a handler becomes 503, and is not tried again.
///
/// ```
/// use http::Response;
/// use tenancy_cell_router::Undone;
/// # use tenancy_types::Problem;
/// fn answer_to(error: &impl Problem) -> Response<String> {
///     let mut answer = Response::new(error.client_text().into_owned());
///     # *answer.status_mut() = http::StatusCode::from_u16(error.kind().http_status()).unwrap();
///     // This handler has one transaction, and does nothing before it.
///     if let Some(undone) = Undone::of(error) {
///         answer.extensions_mut().insert(undone);
///     }
///     answer
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Undone {
    /// The guard does not know the tenant at the request's epoch.
    NotHere,
    /// The tenant lives here and is fenced for a moment.
    Fenced,
}

impl Undone {
    /// What the guard's refusal is, by its code: `tenant_not_here` and `stale_epoch`, or `tenant_moving`. None for any other
    /// error. Whether nothing was done *before* it only the handler knows.
    #[must_use]
    pub fn of(problem: &(impl Problem + ?Sized)) -> Option<Self> {
        match problem.code().as_str() {
            "tenant_not_here" | "stale_epoch" => Some(Self::NotHere),
            "tenant_moving" => Some(Self::Fenced),
            _ => None,
        }
    }
}

/// Whether the tenant's own cell fenced the request off before it did anything: what a
/// [`ParkingLayer`](crate::ParkingLayer) before a [`StaleRouteLayer`](crate::StaleRouteLayer) wants to know.
#[must_use]
pub fn says_fenced<B>(answer: &Response<B>) -> bool {
    answer.extensions().get() == Some(&Undone::Fenced)
}

/// At the cell: into a field, in place of all that a handler wrote under the names.
pub(super) fn write<B>(answer: &mut Response<B>) {
    answer.headers_mut().remove(HINT);
    answer.headers_mut().remove(FENCED);
    if says_fenced(answer) {
        let yes = HeaderValue::from_static("1");
        answer.headers_mut().insert(FENCED, yes);
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
}

/// At the gateway: out of the fields, which go no further.
pub(super) fn read<B>(answer: &mut Response<B>) {
    answer.headers_mut().remove(HINT);
    let is_fenced = answer.headers_mut().remove(FENCED).is_some();
    if is_fenced && answer.status() == StatusCode::SERVICE_UNAVAILABLE {
        answer.extensions_mut().insert(Undone::Fenced);
    }
}
