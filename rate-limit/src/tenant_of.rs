use http::Extensions;
use tenancy_types::TenantId;

/// How a layer finds out whose request it is: from what earlier layers left in the request's extensions.
///
/// A plain function, so that layers need no type parameter for it. What decides the tenant must be trusted;
/// a tenant that a client can choose by a header is a way around the limit.
pub type TenantOf = fn(&Extensions) -> Option<TenantId>;

/// The default: the extensions hold the [`TenantId`] itself.
pub(crate) fn from_extensions(extensions: &Extensions) -> Option<TenantId> {
    extensions.get().copied()
}
