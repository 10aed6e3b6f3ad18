//! Which certificates are held, and which of several is for a name. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// What tells whether files have changed: inode, length, and date in seconds and nanoseconds.
type File = (u64, u64, i64, i64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) chain: File,
    pub(super) key: Option<File>,
    /// Whether it cannot have changed again since.
    pub(super) is_settled: bool,
}

/// What is held of one place.
#[derive(Debug)]
pub(super) struct Held<T> {
    stamp: Stamp,
    /// The last good one.
    pub(super) item: Option<Arc<T>>,
    /// What is wrong with what is there now.
    pub(super) fault: Option<String>,
}

/// What is worth a line in the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    Loaded,
    Fault(String),
}

#[derive(Debug)]
pub(super) struct Shelf<P, T>(BTreeMap<P, Held<T>>);

impl<P, T> Default for Shelf<P, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<P: Ord + Clone, T> Shelf<P, T> {
    /// Drops what was not found any more; what is to be read: new, changed, doubtful, or not readable before.
    pub(super) fn keep(&mut self, found: &BTreeMap<P, Stamp>) -> Vec<P> {
        self.0.retain(|place, _| found.contains_key(place));
        let is_known = |place: &P, stamp: &Stamp| {
            self.0.get(place).is_some_and(|held| {
                held.stamp == *stamp && stamp.is_settled && held.fault.is_none()
            })
        };
        let stale = found
            .iter()
            .filter(|(place, stamp)| !is_known(place, stamp));
        stale.map(|(place, _)| place.clone()).collect()
    }

    /// Puts what was read there. A fault leaves what was there before.
    pub(super) fn put(
        &mut self,
        place: P,
        stamp: Stamp,
        read: Result<T, String>,
        is_same: impl Fn(&T, &T) -> bool,
    ) -> Option<News> {
        let empty = Held {
            stamp,
            item: None,
            fault: None,
        };
        let held = self.0.entry(place).or_insert(empty);
        held.stamp = stamp;
        match read {
            Ok(item) => {
                let was_well = held.fault.take().is_none();
                let is_old = held.item.as_ref().is_some_and(|old| is_same(old, &item));
                if !is_old {
                    held.item = Some(Arc::new(item));
                }
                (!is_old || !was_well).then_some(News::Loaded)
            }
            Err(reason) => {
                let is_new = held.fault.as_ref() != Some(&reason);
                held.fault = Some(reason.clone());
                is_new.then_some(News::Fault(reason))
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&P, &Held<T>)> {
        self.0.iter()
    }

    /// Which item is for which name: of several that whose place is called after the name, else the one that is good for
    /// longest, else the first.
    pub(super) fn names<E: Ord>(
        &self,
        expires: impl Fn(&T) -> E,
        names: impl Fn(&T) -> Vec<Box<str>>,
        called: impl Fn(&P) -> &str,
    ) -> HashMap<Box<str>, Arc<T>> {
        let mut best: HashMap<Box<str>, (bool, E, &Arc<T>)> = HashMap::new();
        for (place, held) in &self.0 {
            let Some(item) = &held.item else { continue };
            for name in names(item) {
                let rank = (called(place) == &*name, expires(item));
                let is_better = best
                    .get(&name)
                    .is_none_or(|(called, expires, _)| (rank.0, &rank.1) > (*called, expires));
                if is_better {
                    best.insert(name, (rank.0, rank.1, item));
                }
            }
        }
        let items = best.into_iter();
        items
            .map(|(name, (_, _, item))| (name, Arc::clone(item)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{News, Shelf, Stamp};

    fn stamp(version: u64, is_settled: bool) -> Stamp {
        Stamp {
            chain: (1, version, 0, 0),
            key: None,
            is_settled,
        }
    }

    /// An item is its names and its expiry.
    type Item = (&'static [&'static str], u32);

    fn same(a: &Item, b: &Item) -> bool {
        a == b
    }

    fn found(places: &[(&'static str, Stamp)]) -> BTreeMap<&'static str, Stamp> {
        places.iter().copied().collect()
    }

    #[test]
    fn only_what_may_have_changed_is_read() {
        let mut shelf = Shelf::default();
        let item: Item = (&["a"], 1);
        let settled = stamp(1, true);
        assert_eq!(shelf.keep(&found(&[("a", settled)])), ["a"]);
        let put = |shelf: &mut Shelf<_, _>, stamp, read| shelf.put("a", stamp, read, same);
        assert_eq!(put(&mut shelf, settled, Ok(item)), Some(News::Loaded));
        assert!(shelf.keep(&found(&[("a", settled)])).is_empty());
        // Changed, and so lately that it may change again under the same stamp.
        let doubtful = stamp(2, false);
        assert_eq!(shelf.keep(&found(&[("a", doubtful)])), ["a"]);
        assert_eq!(put(&mut shelf, doubtful, Ok(item)), None);
        assert_eq!(shelf.keep(&found(&[("a", doubtful)])), ["a"]);
        // What could not be read is tried again, and told once.
        let broken = || Err("half".to_owned());
        let told = put(&mut shelf, settled, broken());
        assert_eq!(told, Some(News::Fault("half".to_owned())));
        assert_eq!(shelf.keep(&found(&[("a", settled)])), ["a"]);
        assert_eq!(put(&mut shelf, settled, broken()), None);
        assert_eq!(shelf.iter().next().unwrap().1.item.as_deref(), Some(&item));
        assert_eq!(put(&mut shelf, settled, Ok(item)), Some(News::Loaded));
        assert!(shelf.keep(&found(&[])).is_empty());
        assert_eq!(shelf.iter().count(), 0);
    }

    #[test]
    fn of_several_for_a_name_one_is_chosen() {
        let mut shelf = Shelf::default();
        let items: [(&str, Item); 3] = [
            ("a", (&["a", "b", "c"], 1)),
            ("x", (&["a", "b"], 3)),
            ("y", (&["b"], 3)),
        ];
        for (place, item) in items {
            shelf.put(place, stamp(1, true), Ok(item), same);
        }
        let names = shelf.names(
            |item| item.1,
            |item| item.0.iter().map(|name| Box::from(*name)).collect(),
            |place| place,
        );
        assert_eq!(*names["a"], items[0].1, "it is called so");
        assert_eq!(*names["b"], items[1].1, "it is good for longest");
        assert_eq!(*names["c"], items[0].1);
    }
}
