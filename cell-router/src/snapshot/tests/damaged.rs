//! Files that were cut or changed are not used, or only where they are good.

use proptest::{prelude::*, sample::Index};
use tenancy_types::{
    CellId, DirectoryEvent, DomainName, Epoch, Lifecycle, LogEntry, Placement, Revision, TenantId,
};

use super::{
    super::{
        Damage, Guards, Keeper, Refusal, Skipped, Totals,
        format::{Header, Kind, write_end},
        frames::{Frames, Piece},
    },
    disk::SimDisk,
    story::{Facts, position, story},
};
use crate::Error;

/// A base of several blocks.
fn facts(tenants: u32) -> Vec<LogEntry> {
    let cell = CellId::new(1).unwrap();
    let placement = Placement::new(cell, Lifecycle::Active, Epoch::FIRST);
    let events = (1..=tenants).flat_map(|n| {
        let tenant = TenantId::new(n).unwrap();
        let domain = DomainName::from_normalised(&format!("shop-{n}.example.com")).unwrap();
        [
            DirectoryEvent::Placed { tenant, placement },
            DirectoryEvent::DomainAdded { domain, tenant },
        ]
    });
    let revision = Revision::new(u64::from(tenants));
    events.map(|event| LogEntry { revision, event }).collect()
}

const BASE: &str = "routes-0000000001.base";
const LOG: &str = "routes-0000000002.log";

fn keeper(disk: &SimDisk) -> Keeper<SimDisk> {
    Keeper::new(disk.clone(), 3, Guards::default())
}

fn with_base(facts: &[LogEntry], revision: Revision) -> SimDisk {
    let disk = SimDisk::default();
    let mut keeper = keeper(&disk);
    keeper.begin(position(revision)).unwrap();
    keeper.facts(facts).unwrap();
    keeper.commit(position(revision)).unwrap();
    disk
}

fn load(disk: &SimDisk) -> (Option<Facts>, Vec<Skipped>) {
    let mut skipped = Vec::new();
    let loaded = keeper(disk).load(|_| {}, &mut skipped).unwrap();
    (loaded.map(|loaded| loaded.draft), skipped)
}

#[track_caller]
fn refused(bytes: &[u8]) -> Damage {
    let disk = SimDisk::default();
    disk.put(BASE, bytes);
    let (loaded, skipped) = load(&disk);
    assert!(loaded.is_none(), "a damaged base was used");
    match &skipped[..] {
        [
            Skipped {
                file,
                why: Error::Damaged { damage },
            },
        ] if file == BASE => *damage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_base_cut_at_every_4_kib_is_refused() {
    let whole = with_base(&facts(6_000), Revision::new(6_000)).bytes(BASE);
    assert!(whole.len() > 3 * 65_536, "several blocks: {}", whole.len());
    for length in (0..whole.len()).step_by(4_096).chain([whole.len() - 1]) {
        assert_eq!(refused(&whole[..length]), Damage::Truncated, "{length}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert_eq!(refused(&longer), Damage::Trailing);
    let disk = SimDisk::default();
    disk.put(BASE, &whole);
    assert_eq!(load(&disk).0.unwrap().0, facts(6_000));
}

#[test]
fn every_flipped_bit_of_a_small_base_is_noticed() {
    let whole = with_base(&facts(3), Revision::new(3)).bytes(BASE);
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        refused(&bytes);
    }
}

#[test]
fn blocks_that_change_places_are_noticed() {
    let whole = with_base(&facts(6_000), Revision::new(6_000)).bytes(BASE);
    let length = |at: usize| {
        let length = u32::from_le_bytes(whole[at..at + 4].try_into().unwrap());
        8 + length as usize
    };
    let (one, two) = (44, 44 + length(44));
    let three = two + length(two);
    let mut swapped = whole[..one].to_vec();
    swapped.extend(&whole[two..three]);
    swapped.extend(&whole[one..two]);
    swapped.extend(&whole[three..]);
    assert_eq!(refused(&swapped), Damage::Checksum);
    let left_out = [&whole[..two], &whole[three..]].concat();
    assert_eq!(refused(&left_out), Damage::Checksum);
}

/// The checksums fit: whoever wrote it miscounted.
#[test]
fn a_base_that_lacks_what_it_counts_is_refused() {
    let kind = Kind::Base;
    let position = position(Revision::ZERO);
    let (header, chain) = Header { kind, position }.write();
    let base = |facts| {
        let totals = Totals {
            facts,
            ..Totals::default()
        };
        [&header[..], &write_end(totals, chain)].concat()
    };
    assert_eq!(refused(&base(1)), Damage::Counts);
    let disk = SimDisk::default();
    disk.put(BASE, &base(0));
    assert!(load(&disk).0.unwrap().0.is_empty());
}

#[test]
fn an_older_base_takes_the_place_of_one_that_is_damaged() {
    let disk = SimDisk::default();
    let mut keeper = keeper(&disk);
    for tenants in [2, 3] {
        let revision = Revision::new(tenants.into());
        keeper.begin(position(revision)).unwrap();
        keeper.facts(&facts(tenants)).unwrap();
        keeper.commit(position(revision)).unwrap();
    }
    disk.damage("routes-0000000002.base", |bytes| bytes[60] ^= 1);
    let (loaded, skipped) = load(&disk);
    assert_eq!(loaded.unwrap().0, facts(2));
    assert_eq!(skipped.len(), 1);
}

#[test]
fn a_log_behind_a_hole_is_not_used() {
    let disk = with_base(&facts(2), Revision::new(2));
    let (header, _) = Header {
        kind: Kind::Log,
        position: position(Revision::new(3)),
    }
    .write();
    disk.put(LOG, &header);
    let (loaded, skipped) = load(&disk);
    assert_eq!(loaded.unwrap().0, facts(2));
    let Error::Damaged { damage } = skipped[0].why else {
        panic!("{skipped:?}");
    };
    assert_eq!(damage, Damage::Hole);
}

/// A base without it and a log with it, and the other way round.
#[test]
fn a_tenant_id_beyond_all_others_is_refused() {
    let mut last = facts(1);
    for fact in &mut last {
        let tenant = TenantId::new(u32::MAX).unwrap();
        match &mut fact.event {
            DirectoryEvent::Placed { tenant: owner, .. }
            | DirectoryEvent::DomainAdded { tenant: owner, .. } => *owner = tenant,
            other => panic!("{other:?}"),
        }
    }
    let too_high = |skipped: &[Skipped]| match skipped {
        [Skipped { file, why }] => {
            let is_why = matches!(
                why,
                Error::Refused {
                    refusal: Refusal::TooHigh { .. }
                }
            );
            assert!(is_why, "{why:?}");
            file.clone()
        }
        other => panic!("{other:?}"),
    };
    let (loaded, skipped) = load(&with_base(&last, Revision::new(1)));
    assert!(loaded.is_none());
    assert_eq!(too_high(&skipped), BASE);

    let disk = with_base(&facts(1), Revision::new(1));
    let mut writer = keeper(&disk);
    writer.load::<Facts>(|_| {}, &mut Vec::new()).unwrap();
    let [mut good, mut bad] = [facts(2).swap_remove(2), last.swap_remove(0)];
    (good.revision, bad.revision) = (Revision::new(2), Revision::new(3));
    writer.append(&[good.clone()]).unwrap();
    let before = disk.bytes(LOG).len();
    writer.append(&[bad]).unwrap();
    assert!(disk.bytes(LOG).len() > before);
    let mut reader = keeper(&disk);
    let mut skipped = Vec::new();
    let loaded = reader.load::<Facts>(|_| {}, &mut skipped).unwrap().unwrap();
    assert_eq!(loaded.draft.0, [facts(1), vec![good]].concat());
    assert_eq!(too_high(&skipped), LOG);
    let log = reader.chain().unwrap().logs[0];
    assert_eq!(log.bytes, before as u64, "what was refused counts");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_base_with_other_bytes_anywhere_is_refused(
        at: Index,
        bytes in prop::collection::vec(any::<u8>(), 1..64),
    ) {
        let mut whole = with_base(&facts(200), Revision::new(200)).bytes(BASE);
        let at = at.index(whole.len());
        let end = whole.len().min(at + bytes.len());
        let before = whole.clone();
        whole[at..end].copy_from_slice(&bytes[..end - at]);
        if whole != before {
            refused(&whole);
        }
    }

    /// Of a log that is cut or changed anywhere, what is used was so once.
    #[test]
    fn a_damaged_log_counts_up_to_the_damage(
        story in story(30),
        rounds in prop::collection::vec(1..5_usize, 1..12),
        at: Index,
        flip in prop::option::of(1..=255_u8),
    ) {
        let disk = with_base(&[], Revision::ZERO);
        let mut keeper = keeper(&disk);
        keeper.load::<Facts>(|_| {}, &mut Vec::new()).unwrap();
        let mut told = 0;
        for round in rounds {
            let end = story.log.len().min(told + round);
            keeper.append(&story.log[told..end]).unwrap();
            told = end;
        }
        disk.damage(LOG, |bytes| {
            let at = at.index(bytes.len());
            match flip {
                Some(flip) => bytes[at] ^= flip,
                None => bytes.truncate(at),
            }
        });
        let loaded = super::super::Keeper::load::<Facts>(
            &mut self::keeper(&disk), |_| {}, &mut Vec::new(),
        ).unwrap().unwrap();
        prop_assert_eq!(&loaded.draft.model(), story.at(loaded.position));
        prop_assert!(flip.is_none() || loaded.position != story.position(told));
    }

    /// Bytes that nobody wrote: nothing panics, and little is held.
    #[test]
    fn any_bytes_are_read_without_harm(
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        is_headed: bool,
        pieces in 1..50_usize,
    ) {
        let (header, _) = Header { kind: Kind::Base, position: position(Revision::ZERO) }.write();
        let mut all = if is_headed { header.to_vec() } else { Vec::new() };
        all.extend(bytes);
        let mut frames = Frames::new();
        'all: for piece in all.chunks(pieces) {
            frames.push(piece);
            loop {
                match frames.next() {
                    Ok(Some(piece)) => prop_assert!(matches!(piece, Piece::Header(_))),
                    Ok(None) => break,
                    Err(_) => break 'all,
                }
            }
        }
        prop_assert!(frames.finish().is_err());
    }

    /// Records that nobody wrote, under a checksum that fits.
    #[test]
    fn any_records_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let records = super::super::record::Records::new(&bytes);
        let wrong = records.filter(Result::is_err).count();
        prop_assert!(wrong <= 1, "it goes on behind a record that it does not understand");
    }
}
