//! Ancestors: the processes that can be reached from others by going from child to parent.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The maximum number of ancestors of the process of a match that are looked for, counted along one
/// line of parents. Forged logs can contain lines of any length.
pub(in crate::sweep) const MOST_ANCESTORS: u32 = 16;

/// Returns all processes that can be reached from `seeds` in at most [`MOST_ANCESTORS`] steps from
/// child to parent, each with the smallest number of steps; a seed has 0. `parents` returns the
/// parents of a process: none if they are not known, and several if the evidence contradicts
/// itself.
pub(super) fn ancestors<K: Ord + Clone>(seeds: Vec<K>, parents: impl Fn(&K) -> Vec<K>) -> BTreeMap<K, u32> {
    let mut depths = BTreeMap::new();
    let mut level = seeds;
    for depth in 0..=MOST_ANCESTORS {
        let mut next = Vec::new();
        for process in level {
            if let Entry::Vacant(new) = depths.entry(process) {
                next.extend(parents(new.key()));
                new.insert(depth);
            }
        }
        level = next;
    }
    depths
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Returns what can be reached from `process` in at most `steps` steps, by trying each way.
    fn reach(process: u8, links: &[(u8, u8)], steps: u32) -> BTreeSet<u8> {
        let mut reached = BTreeSet::from([process]);
        if steps > 0 {
            let parents = links.iter().filter(|(child, _)| *child == process);
            reached.extend(parents.flat_map(|(_, parent)| reach(*parent, links, steps - 1)));
        }
        reached
    }

    #[test]
    fn a_line_ends_after_sixteen_ancestors_and_a_cycle_ends() {
        let depths = ancestors(vec![0_u32], |process| vec![process + 1]);
        assert_eq!(depths.into_iter().next_back(), Some((16, 16)));
        let depths = ancestors(vec![0_u32], |process| vec![(process + 1) % 3, *process]);
        assert_eq!(depths.into_iter().collect::<Vec<_>>(), [(0, 0), (1, 1), (2, 2)]);
    }

    proptest! {
        #[test]
        fn what_is_reached_is_what_trying_each_way_reaches(
            links in prop::collection::vec((0..8_u8, 0..8_u8), 0..8),
            seeds in prop::collection::vec(0..8_u8, 0..3),
        ) {
            let parents = |process: &u8| {
                links.iter().filter(|(child, _)| child == process).map(|(_, parent)| *parent).collect()
            };
            let depths = ancestors(seeds.clone(), parents);
            // Seven steps reach all of eight processes.
            let reached: BTreeSet<u8> = seeds.iter().flat_map(|seed| reach(*seed, &links, 7)).collect();
            prop_assert_eq!(depths.keys().copied().collect::<BTreeSet<u8>>(), reached);
            for (process, depth) in depths {
                let within = |steps| seeds.iter().any(|seed| reach(*seed, &links, steps).contains(&process));
                prop_assert!(within(depth) && (depth == 0 || !within(depth - 1)));
            }
        }
    }
}
