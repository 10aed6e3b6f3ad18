use std::{fmt, sync::Arc};

use tenancy_types::TenantId;

/// Who is asking. Applications bring their own authentication and say here what it found.
///
/// A principal is nobody's member by itself: a [`Membership`] decides which tenants it may enter.
#[derive(Clone, PartialEq, Eq)]
pub struct Principal(Arc<Who>);

#[derive(PartialEq, Eq)]
enum Who {
    Visitor,
    User(Box<str>),
    Operator {
        name: Box<str>,
        reason: Box<str>,
    },
    Platform {
        workflow: Box<str>,
        reason: Box<str>,
    },
}

impl Principal {
    /// Nobody in particular: a request without credentials.
    #[must_use]
    pub fn visitor() -> Self {
        Self(Arc::new(Who::Visitor))
    }

    /// An authenticated user or machine of a tenant, by the application's own stable identifier.
    #[must_use]
    pub fn user(subject: &str) -> Self {
        Self(Arc::new(Who::User(subject.into())))
    }

    /// Somebody who works for the platform, or a worker of its application: enters tenants that are not
    /// served, for a stated reason.
    #[must_use]
    pub fn operator(name: &str, reason: &str) -> Self {
        Self(Arc::new(Who::Operator {
            name: name.into(),
            reason: reason.into(),
        }))
    }

    /// A workflow that makes or unmakes tenants, such as provisioning and purging: the only one that writes
    /// while a tenant is being set up or deleted. Nothing that acts for a person's request is one.
    #[must_use]
    pub fn platform(workflow: &str, reason: &str) -> Self {
        Self(Arc::new(Who::Platform {
            workflow: workflow.into(),
            reason: reason.into(),
        }))
    }

    /// Whether an operator is asking.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        matches!(*self.0, Who::Operator { .. })
    }

    /// Whether one of the platform's own workflows is asking.
    #[must_use]
    pub fn is_platform(&self) -> bool {
        matches!(*self.0, Who::Platform { .. })
    }

    /// The user's identifier, the operator's or the workflow's name; `None` for a visitor.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        match &*self.0 {
            Who::Visitor => None,
            Who::User(subject) => Some(subject),
            Who::Operator { name, .. } => Some(name),
            Who::Platform { workflow, .. } => Some(workflow),
        }
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Who::Visitor => f.write_str("visitor"),
            Who::User(subject) => write!(f, "user {subject}"),
            Who::Operator { name, reason } => write!(f, "operator {name} ({reason})"),
            Who::Platform { workflow, reason } => write!(f, "platform {workflow} ({reason})"),
        }
    }
}

/// What a principal may do in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Read and write.
    ReadWrite,
    /// Read.
    ReadOnly,
    /// Nothing: it is not a member.
    None,
}

/// Which tenants a principal may enter, and how.
///
/// Answers from memory, as everything asked per request does: an application loads memberships with its
/// session. "Could not find out" is an error and never a [`Grant::None`].
pub trait Membership: Send + Sync + 'static {
    /// What the principal may do in the tenant.
    ///
    /// # Errors
    /// [`MembershipUnknown`] when it could not be found out.
    fn grant(&self, principal: &Principal, tenant: TenantId) -> Result<Grant, MembershipUnknown>;
}

/// Everybody may enter every tenant that is served, as visitors of a shop do.
///
/// This is a choice to be made on purpose, so nothing uses it by default.
#[derive(Clone, Copy, Debug)]
pub struct OpenToAll;

impl Membership for OpenToAll {
    fn grant(&self, _: &Principal, _: TenantId) -> Result<Grant, MembershipUnknown> {
        Ok(Grant::ReadWrite)
    }
}

/// Memberships could not be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("memberships of the principal could not be found out")]
pub struct MembershipUnknown;
