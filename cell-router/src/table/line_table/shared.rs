//! One writer, many readers, and the thread that rebuilds.

use std::sync::{Arc, PoisonError, Weak};

use tenancy_types::{LogEntry, Placement, TenantId};

use super::{
    books::Books,
    generation::Generation,
    rebuild::{Copied, Rebuild},
};
use crate::{
    Applied,
    sync::{Current, Mutex, MutexGuard, ON_THE_SPOT, spawn},
};

/// What readers see, and what they do not.
pub(super) struct Shared {
    current: Current<Generation>,
    writer: Mutex<Writer>,
}

pub(super) struct Writer {
    /// `None` until the first filling.
    pub(super) books: Option<Books>,
    /// What readers see at present.
    published: Option<Arc<Generation>>,
    /// How many were published before it.
    pub(super) generation: u64,
    /// What a reader may still be reading. The writer frees it, so that readers never do.
    retired: Vec<Arc<Generation>>,
}

impl Shared {
    pub(super) fn empty() -> Self {
        Self {
            current: Current::empty(),
            writer: Mutex::new(Writer {
                books: None,
                published: None,
                generation: 0,
                retired: Vec::new(),
            }),
        }
    }

    /// Reads one generation; `None` before the first filling. Without locks.
    #[inline]
    pub(super) fn read<R>(&self, read: impl FnOnce(Option<&Generation>) -> R) -> R {
        self.current.read(read)
    }

    pub(super) fn apply(self: &Arc<Self>, entry: &LogEntry) -> Applied {
        self.change(|books| books.apply(entry))
    }

    pub(super) fn hint(self: &Arc<Self>, tenant: TenantId, placement: Placement) -> Applied {
        self.change(|books| books.hint(tenant, placement))
    }

    /// Puts other books in place, and returns the old ones. Their generation is freed by the first change after they are
    /// dropped.
    pub(super) fn put(&self, books: Books) -> Option<Books> {
        self.write(|writer| writer.books.replace(books))
    }

    fn change(self: &Arc<Self>, change: impl FnOnce(&mut Books) -> Applied) -> Applied {
        let (applied, rebuild) = self.write(|writer| {
            let Some(books) = &mut writer.books else {
                return (Applied::NotReady, None);
            };
            let applied = change(books);
            let rebuild = books.begin_rebuild();
            if books.generation.lines.count() > ON_THE_SPOT || rebuild.is_none() {
                return (applied, rebuild);
            }
            books.rebuild_now();
            (applied, None)
        });
        if let Some(rebuild) = rebuild {
            self.start(&rebuild);
        }
        applied
    }

    /// Rebuilds on another thread, which does not keep the table alive.
    fn start(self: &Arc<Self>, rebuild: &Rebuild) {
        let (shared, elsewhere) = (Arc::downgrade(self), rebuild.clone());
        let started = spawn(move || {
            let copied = elsewhere.run();
            if let Some(shared) = Weak::upgrade(&shared) {
                shared.finish(&elsewhere, copied);
            }
        });
        if !started {
            self.finish(rebuild, rebuild.run());
        }
    }

    fn finish(&self, rebuild: &Rebuild, copied: Copied) {
        self.write(|writer| {
            if let Some(books) = &mut writer.books {
                books.end_rebuild(rebuild.lines(), copied);
            }
        });
    }

    /// Does something under the writer's lock, and shows readers the generation that came of it.
    pub(super) fn write<R>(&self, change: impl FnOnce(&mut Writer) -> R) -> R {
        let (done, free) = {
            let mut writer = self.lock();
            let done = change(&mut writer);
            (done, self.publish(&mut writer))
        };
        // Freeing millions of lines takes a while; by now nobody waits for the lock.
        drop(free);
        done
    }

    /// What can be freed is returned.
    fn publish(&self, writer: &mut Writer) -> Vec<Arc<Generation>> {
        let next = writer.books.as_ref().map(|books| &books.generation);
        if let Some(next) = next
            && !(writer.published.as_ref()).is_some_and(|published| Arc::ptr_eq(published, next))
        {
            self.current.put(Arc::clone(next));
            writer.generation += 1;
            let old = writer.published.replace(Arc::clone(next));
            writer.retired.extend(old);
        }
        // Nobody can get hold of it any more, so one that only we hold remains so.
        let free = |old: &mut Arc<Generation>| Arc::strong_count(old) == 1;
        writer.retired.extract_if(.., free).collect()
    }

    /// No change leaves the books in a state in which they cannot be used.
    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
