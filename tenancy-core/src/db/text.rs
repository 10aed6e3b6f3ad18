use std::borrow::Cow;

/// The text of a statement of a tenant's transaction.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// The application's own, which is checked before it runs.
    Given(&'static str),
    /// This crate's own.
    Made(Made),
}

/// A text that is made from a manifest and a live schema.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// What an error calls it: the text itself may be long.
    pub(super) name: String,
    pub(super) sql: String,
}

impl Text {
    /// What an error calls it.
    pub(super) fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Given(sql) => Cow::Borrowed(sql),
            Self::Made(made) => Cow::Owned(made.name.clone()),
        }
    }

    /// What an error calls it, and the text.
    pub(super) fn into_parts(self) -> (Cow<'static, str>, Cow<'static, str>) {
        match self {
            Self::Given(sql) => (Cow::Borrowed(sql), Cow::Borrowed(sql)),
            Self::Made(Made { name, sql }) => (Cow::Owned(name), Cow::Owned(sql)),
        }
    }
}
