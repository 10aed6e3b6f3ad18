use crate::{Assignment, Candidate, CellFacts, Demand, Fleet, NoCell, Refusal, Residency, rule};

/// Finds the cell for a new tenant.
///
/// Hard rules come first and no score outweighs them: the region, an open cell, room for one more tenant,
/// headroom for the expected load. Of the cells that are left, the one wins that keeps the most headroom
/// with the tenant in it ([`Candidate::headroom`]): 1 - max(load / load capacity, tenants / most tenants).
///
/// The answer depends on the fleet, the demand and the seed, not on the order of the facts. The seed decides
/// between cells that keep exactly the same headroom: give each tenant another (its number, a hash of its
/// request), so that tenants which see the same facts spread over equal cells. Against facts that are old
/// it does not help; see [`Fleet::with_placed`].
///
/// Best of all cells rather than of two drawn by lot: the fleet has hundreds of cells, not millions, and a
/// decision that names its runners-up looks at all of them anyway. Takes O(cells * log cells) time.
///
/// # Errors
/// [`NoCell`] says of each cell why it cannot take the tenant.
pub fn assign(fleet: &Fleet, demand: &Demand, seed: u64) -> Result<Assignment, NoCell> {
    let mut candidates = Vec::new();
    let mut refusals = Vec::new();
    for facts in fleet.cells() {
        let cell = facts.cell;
        match rule::check(demand, facts) {
            Ok(()) => candidates.push(Candidate::of(&facts.clone().with(demand))),
            Err(why_not) => refusals.push(Refusal { cell, why_not }),
        }
    }
    candidates.sort_by(|a, b| {
        let best_first = b.headroom().total_cmp(&a.headroom());
        best_first.then_with(|| lot(seed, a).cmp(&lot(seed, b)))
    });
    let mut ranked = candidates.into_iter();
    match ranked.next() {
        Some(chosen) => Ok(Assignment {
            chosen,
            runners_up: ranked.collect(),
            refusals,
        }),
        None => Err(no_cell(fleet.cells(), demand, refusals)),
    }
}

fn no_cell(cells: &[CellFacts], demand: &Demand, refusals: Vec<Refusal>) -> NoCell {
    match demand.residency() {
        // No waiting helps against a region that does not exist, so the caller must be able to tell.
        Residency::In(region)
            if !cells.is_empty() && cells.iter().all(|facts| facts.region != *region) =>
        {
            NoCell::InRegion {
                region: region.clone(),
            }
        }
        Residency::In(_) | Residency::Any => NoCell::WithRoom { refusals },
    }
}

/// A number drawn for this cell: different cells never draw the same, so the order is total.
///
/// The step and the mixer are those of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
/// number generators", 2014). The seed is mixed once by itself: neighbouring seeds would else draw
/// neighbouring numbers of one sequence, which cells in order would share.
fn lot(seed: u64, candidate: &Candidate) -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    mix(mix(seed).wrapping_add(STEP.wrapping_mul(u64::from(candidate.cell.get()))))
}

/// A bijection of 64 bits.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
