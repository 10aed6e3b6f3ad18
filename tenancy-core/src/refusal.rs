use std::{borrow::Cow, time::Duration};

use tenancy_types::{Code, Kind, Problem, Retry};

#[cfg(feature = "http")]
use crate::AuthorityError;

/// Why a request was not let in, or may not do what it wants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request's host is malformed or contradictory.
    #[cfg(feature = "http")]
    #[error("the request's authority is not valid")]
    Authority(#[from] AuthorityError),
    /// No evidence names a tenant.
    #[error("no tenant has this domain")]
    UnknownDomain,
    /// Two pieces of evidence name different tenants.
    #[error("the request's evidence names different tenants")]
    EvidenceDisagrees,
    /// Where the domain leads could not be found out.
    #[error("the directory could not be asked")]
    DirectoryUnavailable,
    /// Whether the principal is a member could not be found out.
    #[error("memberships could not be found out")]
    MembershipUnavailable,
    /// The principal is not a member of the tenant.
    #[error("the principal is not a member of the tenant")]
    NotMember,
    /// The principal may read, not write.
    #[error("the principal may not write to the tenant")]
    WriteNotGranted,
    /// The tenant is still being set up.
    #[error("the tenant is being provisioned")]
    Provisioning,
    /// The tenant may not be written to.
    #[error("the tenant is read-only")]
    ReadOnly,
    /// The tenant is suspended.
    #[error("the tenant is suspended")]
    Suspended,
    /// The tenant is leaving or has left.
    #[error("the tenant is gone")]
    Gone,
    /// The tenant is moving to another cell; writes wait.
    #[error("the tenant is moving and cannot be written to")]
    Moving,
    /// A handler asked for a context on a route that no tenant layer covers: a defect of the application.
    #[error("no tenant layer admitted this request")]
    NoTenantLayer,
}

impl Problem for Refusal {
    fn code(&self) -> Code {
        match self {
            #[cfg(feature = "http")]
            Self::Authority(_) => Code::new("invalid_request"),
            Self::UnknownDomain => Code::new("unknown_domain"),
            Self::EvidenceDisagrees => Code::new("evidence_disagrees"),
            Self::DirectoryUnavailable => Code::new("directory_unavailable"),
            Self::MembershipUnavailable => Code::new("membership_unavailable"),
            Self::NotMember => Code::new("not_a_member"),
            Self::WriteNotGranted => Code::new("write_not_granted"),
            Self::Provisioning => Code::new("tenant_provisioning"),
            Self::ReadOnly => Code::new("tenant_read_only"),
            Self::Suspended => Code::new("tenant_suspended"),
            Self::Gone => Code::new("tenant_gone"),
            Self::Moving => Code::new("tenant_moving"),
            Self::NoTenantLayer => Code::new("internal"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            #[cfg(feature = "http")]
            Self::Authority(_) => Kind::Invalid,
            Self::UnknownDomain => Kind::NotFound,
            Self::EvidenceDisagrees
            | Self::NotMember
            | Self::WriteNotGranted
            | Self::ReadOnly
            | Self::Suspended => Kind::Forbidden,
            Self::DirectoryUnavailable
            | Self::MembershipUnavailable
            | Self::Provisioning
            | Self::Moving => Kind::Unavailable,
            Self::Gone => Kind::Gone,
            Self::NoTenantLayer => Kind::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::DirectoryUnavailable
            | Self::MembershipUnavailable
            | Self::Provisioning
            | Self::Moving => Retry::After(Duration::from_secs(1)),
            _ => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            #[cfg(feature = "http")]
            Self::Authority(error) => return error.client_text(),
            Self::UnknownDomain => "there is nothing at this address",
            Self::EvidenceDisagrees => "the request contradicts itself about whom it is for",
            Self::DirectoryUnavailable | Self::MembershipUnavailable => {
                "this could not be looked up right now, try again shortly"
            }
            Self::NotMember => "you are not a member here",
            Self::WriteNotGranted => "you may read here, but not change anything",
            Self::Provisioning => "this is being set up, try again shortly",
            Self::ReadOnly => "this can be read, but not changed at present",
            Self::Suspended => "this has been suspended",
            Self::Gone => "this is no longer here",
            Self::Moving => "changes are not possible for a moment, try again shortly",
            Self::NoTenantLayer => "something went wrong on our side",
        }
        .into()
    }
}
