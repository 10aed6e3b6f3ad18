use std::{error::Error, future::Future};

use tenancy_types::{Placement, RequestKey};

use super::{Home, Refusal};

/// What a tenant is made from, in a form that the journal can keep.
pub trait ProvisionRequest: Send + Sync + Sized {
    /// The request as text. Two requests are the same when their texts are equal, so the text must not
    /// depend on the order of a hash map or on the time.
    fn to_text(&self) -> String;

    /// The request of a text.
    ///
    /// # Errors
    /// When the text is none.
    fn from_text(text: &str) -> Result<Self, Box<dyn Error + Send + Sync>>;
}

/// Why an act that looks at the request did not succeed.
#[derive(Debug)]
pub enum ActError {
    /// It never will: the tenant is undone and the client gets this answer, now and on repetition.
    Refused(Refusal),
    /// It may later: the workflow waits in its phase.
    Failed(Box<dyn Error + Send + Sync>),
}

impl From<Refusal> for ActError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Box<dyn Error + Send + Sync>> for ActError {
    fn from(source: Box<dyn Error + Send + Sync>) -> Self {
        Self::Failed(source)
    }
}

/// The acts of which the making of a tenant consists: the application's adapter to its directory and cells.
///
/// Three things are asked of every act:
///
/// * **Done twice is done once.** After a crash the last act is done again, since nobody knows whether it
///   happened.
/// * **Done means durable.** The next act begins when it returns `Ok`.
/// * **Late is harmless.** A runner that was stopped may wake up after another one has gone on, or has undone
///   the tenant. An act that finds a *newer* epoch than its `home` has come late and must change nothing.
///   Where that newer epoch is the fulfilment of its purpose or something later, it returns `Ok`.
pub trait Provisioner: Send + Sync {
    /// What a tenant is made from.
    type Request: ProvisionRequest;

    /// Makes the directory's row, with the slug and the domains, in a cell of its choice, and returns the
    /// row's tenant and placement. With a key that it has seen it returns what it made then.
    fn create(
        &self,
        key: &RequestKey,
        request: &Self::Request,
    ) -> impl Future<Output = Result<Home, ActError>> + Send;

    /// Makes the cell's fence: being provisioned, at the epoch of `home`.
    fn fence(
        &self,
        home: Home,
    ) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send;

    /// Writes the rows that every tenant starts with.
    fn seed(
        &self,
        request: &Self::Request,
        home: Home,
    ) -> impl Future<Output = Result<(), ActError>> + Send;

    /// Makes the tenant active in the directory and returns its placement from then on. Where it has been
    /// made active before, returns the placement that it has now.
    fn publish(
        &self,
        home: Home,
    ) -> impl Future<Output = Result<Placement, Box<dyn Error + Send + Sync>>> + Send;

    /// Brings the published lifecycle and epoch to the cell's fence.
    fn open(
        &self,
        home: Home,
    ) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send;

    /// Undoes [`create`](Self::create): makes the tenant gone in the directory, frees its slug and domains,
    /// and returns its last placement. Where it is gone already, returns that placement.
    fn retract(
        &self,
        home: Home,
    ) -> impl Future<Output = Result<Placement, Box<dyn Error + Send + Sync>>> + Send;

    /// Undoes [`fence`](Self::fence) and [`seed`](Self::seed): deletes the tenant's rows from the cell and
    /// leaves the fence gone at the epoch of `home`, so that acts which come late find it.
    fn clear(
        &self,
        home: Home,
    ) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send;
}
