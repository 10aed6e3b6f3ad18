use http::Extensions;
use tenancy_types::Placement;

/// How the transport learns where a request's tenant lives: from what an earlier layer left in its
/// extensions. Closures are such.
pub trait PlacementOf: Clone + Send + Sync + 'static {
    /// The placement, or `None` when no layer left one.
    fn placement(&self, extensions: &Extensions) -> Option<Placement>;
}

impl<F> PlacementOf for F
where
    F: Fn(&Extensions) -> Option<Placement> + Clone + Send + Sync + 'static,
{
    fn placement(&self, extensions: &Extensions) -> Option<Placement> {
        self(extensions)
    }
}

/// Reads a [`Placement`] that stands in the extensions itself: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlacementExtension;

impl PlacementOf for PlacementExtension {
    fn placement(&self, extensions: &Extensions) -> Option<Placement> {
        extensions.get().copied()
    }
}
