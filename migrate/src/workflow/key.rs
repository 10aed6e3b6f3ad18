use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use tenancy_types::{Code, Kind, Problem};

/// Names a workflow: 1 to 255 bytes of the caller's choosing, such as an idempotency key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkflowKey(Arc<str>);

impl WorkflowKey {
    /// The longest key in bytes.
    pub const MAX_LEN: usize = 255;

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorkflowKey {
    type Err = InvalidWorkflowKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (1..=Self::MAX_LEN).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidWorkflowKey { found: text.len() })
        }
    }
}

impl fmt::Display for WorkflowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for WorkflowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// A text that is no [`WorkflowKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key has 1 to 255 bytes, this one has {found}")]
pub struct InvalidWorkflowKey {
    /// Its length in bytes.
    pub found: usize,
}

impl Problem for InvalidWorkflowKey {
    fn code(&self) -> Code {
        Code::new("invalid_request")
    }

    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn client_text(&self) -> Cow<'static, str> {
        self.to_string().into()
    }
}
