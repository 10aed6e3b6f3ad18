use std::{
    fmt,
    sync::{Arc, Weak},
};

use super::{books::Books, shared::Shared};

/// What a [`LineTable`](super::LineTable) holds. To drop what was in a table frees its memory, as far as no reader is
/// under way in it.
pub struct LineContents {
    books: Option<Books>,
    /// The table that it was in.
    from: Weak<Shared>,
}

impl LineContents {
    pub(super) fn new(books: Books) -> Self {
        Self {
            books: Some(books),
            from: Weak::new(),
        }
    }

    /// Puts it into a table and takes what was there. What came out of a table that was never filled changes nothing.
    pub(super) fn swap(mut self, table: &Arc<Shared>) -> Self {
        Self {
            books: self.books.take().and_then(|books| table.put(books)),
            from: Arc::downgrade(table),
        }
    }
}

impl Drop for LineContents {
    fn drop(&mut self) {
        drop(self.books.take());
        // Now only readers may still hold the old generation.
        if let Some(table) = self.from.upgrade() {
            table.write(|_| ());
        }
    }
}

impl fmt::Debug for LineContents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineContents")
            .field("size", &self.books.as_ref().map(Books::size))
            .finish_non_exhaustive()
    }
}
