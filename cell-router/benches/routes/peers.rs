//! What ours is compared with. Each leads from a host to a placement's word.

use std::{hint::black_box, sync::atomic::Ordering};

use arc_swap::ArcSwap;
use siphasher::sip::SipHasher13;
use tenancy_types::{Lookup, PagedWords, TenantId};

use crate::{Failure, Measured, hosts::Hosts, isolated, memory, table};

#[derive(Clone, Copy)]
pub(crate) enum Against {
    /// Two dependent loads from as much memory as ours: a line, and the word that it points to.
    Floor,
    /// A concurrent hash map.
    Papaya,
    /// A hash map that is replaced as a whole.
    Hashbrown,
    /// A cache line for each host with the host in it.
    Keys,
}

pub(crate) fn measure(hosts: Hosts, against: Against) -> Result<Measured, Failure> {
    let (table, _) = table::build(hosts)?;
    let ours = |_, host: &str| table.lookup_host(host);
    match against {
        Against::Floor => {
            let floor = Floor::new(hosts);
            memory::report()?;
            isolated::compare(hosts, ours, |n, _| floor.load(n))
        }
        Against::Papaya => {
            let homes = homes(hosts);
            let map = papaya::HashMap::builder()
                .capacity(hosts.count as usize)
                .hasher(foldhash::fast::RandomState::default())
                .build();
            each(hosts, |host, tenant| {
                map.pin().insert(Box::from(host), tenant);
            });
            memory::report()?;
            let lookup = |host: &str| word(&homes, *map.pin().get(host)?);
            isolated::compare(hosts, ours, |_, host| lookup(host))
        }
        Against::Hashbrown => {
            let homes = homes(hosts);
            let mut map = hashbrown::HashMap::with_capacity_and_hasher(
                hosts.count as usize,
                foldhash::fast::RandomState::default(),
            );
            each(hosts, |host, tenant| {
                map.insert(Box::<str>::from(host), tenant);
            });
            let map = ArcSwap::from_pointee(map);
            memory::report()?;
            let lookup = |host: &str| word(&homes, *map.load().get(host)?);
            isolated::compare(hosts, ours, |_, host| lookup(host))
        }
        Against::Keys => {
            let homes = homes(hosts);
            let lines = KeyLines::new(hosts);
            memory::report()?;
            let lookup = |host: &str| word(&homes, lines.find(host)?);
            isolated::compare(hosts, ours, |_, host| lookup(host))
        }
    }
}

fn each(hosts: Hosts, mut add: impl FnMut(&str, TenantId)) {
    let mut text = String::new();
    for n in 0..hosts.count {
        hosts.write(n, &mut text);
        add(&text, hosts.tenant(n));
    }
}

/// The placements, by the array that ours has them in.
fn homes(hosts: Hosts) -> PagedWords {
    let words = PagedWords::with_capacity(hosts.tenants);
    for tenant in (1..=hosts.tenants).filter_map(TenantId::new) {
        let word = words.get_or_grow(tenant).expect("it was made for them");
        word.store(table::home(tenant, 1).to_word(), Ordering::Relaxed);
    }
    words
}

fn word(homes: &PagedWords, tenant: TenantId) -> Option<(TenantId, u64)> {
    Some((tenant, homes.load(tenant, Ordering::Relaxed)))
}

#[derive(Clone)]
#[repr(align(64))]
struct FloorLine([u64; 8]);

/// As much memory as our lines and placements, and nothing to compute.
struct Floor {
    lines: Vec<FloorLine>,
    words: Vec<u64>,
}

impl Floor {
    fn new(hosts: Hosts) -> Self {
        let mut random = fastrand::Rng::with_seed(3);
        let count = hosts.count as usize / 3;
        let line = || FloorLine([u64::from(random.u32(..hosts.tenants)); 8]);
        Self {
            lines: std::iter::repeat_with(line).take(count).collect(),
            words: (0..u64::from(hosts.tenants)).collect(),
        }
    }

    #[inline]
    fn load(&self, n: u32) -> u64 {
        let line = &self.lines[n as usize / 3 % self.lines.len()];
        self.words[black_box(line.0[n as usize % 8]) as usize]
    }
}

/// A line for each host: 55 bytes for it, its length, and the tenant. As fast as this can be: filled once, never
/// changed, no atomics.
#[derive(Clone)]
#[repr(align(64))]
struct KeyLine {
    host: [u8; LONGEST],
    len: u8,
    tenant: u32,
}

const LONGEST: usize = 55;

struct KeyLines {
    hash: SipHasher13,
    lines: Vec<KeyLine>,
}

impl KeyLines {
    fn new(hosts: Hosts) -> Self {
        const {
            assert!(size_of::<KeyLine>() == 64);
        }
        let empty = KeyLine {
            host: [0; LONGEST],
            len: 0,
            tenant: 0,
        };
        let mut keys = Self {
            hash: SipHasher13::new_with_keys(fastrand::u64(..), fastrand::u64(..)),
            lines: vec![empty; hosts.count as usize * 5 / 4 + 1],
        };
        each(hosts, |host, tenant| {
            let at = keys.seek(host);
            let line = &mut keys.lines[at];
            line.host[..host.len()].copy_from_slice(host.as_bytes());
            line.len = host.len() as u8;
            line.tenant = tenant.get();
        });
        keys
    }

    /// The line of the host, or the empty one where it would be.
    #[inline]
    fn seek(&self, host: &str) -> usize {
        let hash = self.hash.hash(host.as_bytes());
        let mut at = ((u128::from(hash) * self.lines.len() as u128) >> 64) as usize;
        loop {
            let line = &self.lines[at];
            let len = usize::from(line.len);
            if len == 0 || line.host[..len] == *host.as_bytes() {
                return at;
            }
            at = (at + 1) % self.lines.len();
        }
    }

    #[inline]
    fn find(&self, host: &str) -> Option<TenantId> {
        TenantId::new(self.lines[self.seek(host)].tenant)
    }
}
