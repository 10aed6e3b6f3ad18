//! What a stream can cost that is made to cost much: no more than a share of what was received, and the stated bounds.

use allocation_counter::{AllocationInfo, measure};
use proptest::{collection::vec, prelude::*, sample::Index};
use tenancy_types::{DirectoryEvent, Revision};

use super::{
    super::{Assembler, Damage, Frames, Refusal, Totals, overlay},
    forge::{Forge, PLAN, SAME_PLAN, SLUG, SLUG_REMOVED, about, placed},
    story::position,
};
use crate::Error;

const MIB: usize = 1 << 20;

/// A reader, and how much it was given.
struct Reader {
    frames: Frames,
    assembler: Assembler,
    received: usize,
}

impl Reader {
    fn new() -> Self {
        Self {
            frames: Frames::new(),
            assembler: Assembler::new(),
            received: 0,
        }
    }

    /// Gives back how many facts came of it.
    fn read(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.received += bytes.len();
        self.frames.push(bytes);
        let mut facts = 0;
        while let Some(piece) = self.frames.next()? {
            self.assembler.take(piece)?;
            facts += self.assembler.facts().len();
        }
        Ok(facts)
    }
}

/// Reads until something is refused. Returns what it was, how much was read, and what that took.
fn read_all(mut next: impl FnMut() -> Vec<u8>) -> (Error, usize, AllocationInfo) {
    let mut reader = Reader::new();
    let mut wrong = None;
    let used = measure(|| {
        while wrong.is_none() {
            let mut bytes = Vec::new();
            allocation_counter::opt_out(|| bytes = next());
            wrong = reader.read(&bytes).err();
            allocation_counter::opt_out(|| drop(bytes));
        }
    });
    (wrong.unwrap(), reader.received, used)
}

fn is_too_long(error: &Error) -> bool {
    let refusal = Refusal::TooLong {
        most: overlay::MOST,
    };
    matches!(error, Error::Refused { refusal: found } if *found == refusal)
}

fn is_damage(error: &Error, expect: Damage) -> bool {
    matches!(error, Error::Damaged { damage } if *damage == expect)
}

/// Each log is nothing but its header.
#[test]
fn endless_logs_take_no_memory_and_end() {
    let logs = Forge::log(position(Revision::ZERO)).take().repeat(10_000);
    let (wrong, received, used) = read_all(|| logs.clone());
    assert!(is_too_long(&wrong), "{wrong:?}");
    assert!((24 * MIB..25 * MIB).contains(&received), "{received}");
    assert!(used.bytes_max < 2 * MIB as u64, "{used:?}");
}

/// The shortest entries, each of another tenant.
#[test]
fn a_log_of_many_tenants_takes_a_share_of_what_came() {
    let mut log = Forge::log(position(Revision::ZERO));
    let mut tenant = 0;
    let mut reader = Reader::new();
    let used = measure(|| {
        while reader.received < MIB {
            let mut bytes = Vec::new();
            allocation_counter::opt_out(|| {
                log.block(|| {
                    tenant += 1;
                    [&about(tenant, tenant.into()), SLUG].concat()
                });
                bytes = log.take();
            });
            reader.read(&bytes).unwrap();
            allocation_counter::opt_out(|| drop(bytes));
        }
    });
    let share = used.bytes_max / reader.received as u64;
    assert!(share < 24, "{share} bytes a byte: {used:?}");
}

/// Two bytes each, all of the same revision: a log has one entry for each.
#[test]
fn a_log_that_does_not_go_on_is_refused_at_once() {
    let mut log = Forge::log(position(Revision::ZERO));
    let mut records = 0;
    let (wrong, received, used) = read_all(|| {
        log.block(|| {
            records += 1;
            match records {
                1 => [&about(1, 1), PLAN].concat(),
                _ => SAME_PLAN.to_vec(),
            }
        });
        log.take()
    });
    let order = Damage::Order {
        found: Revision::new(1),
        after: Revision::new(1),
    };
    assert!(is_damage(&wrong, order), "{wrong:?}");
    assert!(received < MIB / 8, "{received}");
    assert!(used.bytes_max < MIB as u64, "{used:?}");
}

/// The shortest records of all, in a base that never ends: one block's facts are held at a time.
#[test]
fn an_endless_base_takes_the_memory_of_a_block() {
    let mut base = Forge::base(position(Revision::ZERO));
    let mut reader = Reader::new();
    let mut facts = 0;
    let used = measure(|| {
        while reader.received < MIB {
            let mut bytes = Vec::new();
            allocation_counter::opt_out(|| {
                let mut is_first = true;
                base.block(|| {
                    let first = [&about(1, 1), PLAN].concat();
                    let is_first = std::mem::replace(&mut is_first, false);
                    if is_first { first } else { SAME_PLAN.to_vec() }
                });
                bytes = base.take();
            });
            facts += reader.read(&bytes).unwrap();
            allocation_counter::opt_out(|| drop(bytes));
        }
    });
    assert!(facts > 500_000, "{facts} facts");
    assert!(used.bytes_max < 4 * MIB as u64, "{used:?}");
}

/// Nothing counts them, and a table would look through its names for each.
#[test]
fn removals_in_a_base_are_damage() {
    for record in [SLUG_REMOVED, &[6, 1, b'a']] {
        let mut base = Forge::base(position(Revision::ZERO));
        base.block({
            let mut records = vec![[&about(1, 0), &placed()[..], record].concat()];
            move || records.pop().unwrap_or_else(|| vec![0; 1 << 17])
        });
        base.end(Totals {
            facts: 2,
            tenants: 1,
            names: 0,
        });
        let wrong = Reader::new().read(&base.take()).unwrap_err();
        assert!(is_damage(&wrong, Damage::Record), "{wrong:?}");
    }
}

/// A record, or what could be the beginning of one.
fn record() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (1..5_u32, 0..9_u64).prop_map(|(tenant, revision)| about(tenant, revision)),
        2 => Just(placed()),
        2 => Just(PLAN.to_vec()),
        2 => Just(SAME_PLAN.to_vec()),
        2 => Just(SLUG.to_vec()),
        1 => Just(SLUG_REMOVED.to_vec()),
        1 => vec(any::<u8>(), 1..20),
    ]
}

/// Whether of a base, behind which revision, and the blocks.
fn part() -> impl Strategy<Value = (bool, u64, Vec<Vec<Vec<u8>>>)> {
    (any::<bool>(), 0..4_u64, vec(vec(record(), 1..12), 0..4))
}

proptest! {
    /// Logs and bases that nobody wrote, under checksums that fit, cut anywhere: nothing panics, and what comes of it is
    /// what a base can say.
    #[test]
    fn any_parts_are_put_together_without_harm(parts in vec(part(), 1..5), cut: Index) {
        let mut stream = Vec::new();
        for (is_base, revision, blocks) in parts {
            let position = position(Revision::new(revision));
            let mut forge = if is_base { Forge::base(position) } else { Forge::log(position) };
            for block in blocks {
                let mut records = block.into_iter();
                forge.block(|| records.next().unwrap_or_else(|| vec![0; 1 << 17]));
            }
            stream.append(&mut forge.take());
        }
        stream.truncate(cut.index(stream.len() + 1));
        let mut reader = Reader::new();
        let mut facts = Vec::new();
        let length = stream.len() as u64;
        let used = measure(|| {
            reader.frames.push(&stream);
            while let Ok(Some(piece)) = reader.frames.next() {
                if reader.assembler.take(piece).is_err() {
                    break;
                }
                facts.append(&mut reader.assembler.facts());
            }
        });
        for fact in facts {
            let is_removal = matches!(
                fact.event,
                DirectoryEvent::SlugRemoved { .. } | DirectoryEvent::DomainRemoved { .. }
            );
            prop_assert!(!is_removal, "{:?}", fact);
        }
        prop_assert!(used.bytes_max < 64 * length + 16_384, "{:?}", used);
    }
}
