//! Trees of processes, by who started whom: sorts processes so that each comes after its parent,
//! and selects the processes that are listed if there are too many.
//!
//! GUIDs in forged logs can make a process its own ancestor, or make chains of ancestors of any
//! length. A tree never repeats a process, and no function here is recursive.

use std::collections::HashMap;

use crate::event::{EventTime, Guid};

/// A process in a [`Forest`], which has the processes of one host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// The number, from 0, of the process's row in `processes.parquet`.
    pub row: u64,
    /// The GUID of the process.
    pub process: Guid,
    /// The GUID of the process that started this one; `None` if it is not known.
    pub parent: Option<Guid>,
    /// When the process started; `None` if the time is not known.
    pub started: Option<EventTime>,
    /// True if the process made a matching query.
    pub asked: bool,
}

/// The processes of one host, which form trees.
#[derive(Debug, Default)]
pub(super) struct Forest(Vec<Node>);

/// The key by which processes are sorted by the time of their start; unknown times come last. It
/// consists of true if the time is not known, the time, and the GUID.
type Order = (bool, Option<EventTime>, Guid);

impl Node {
    fn order(&self) -> Order {
        (self.started.is_none(), self.started, self.process)
    }
}

impl Forest {
    /// Adds a process of the host.
    pub(super) fn push(&mut self, node: Node) {
        self.0.push(node);
    }

    /// Returns the number of processes that were added.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Selects at most `most` processes: those that made a matching query, the earliest first, each
    /// with its ancestors. Returns the 0-based numbers of their rows in `processes.parquet`, each
    /// with the process's level (its number of selected ancestors), in the order of the trees.
    pub(super) fn planted(&self, most: usize) -> Vec<(u64, u32)> {
        let (order, above) = self.walk();
        let node = |at: usize| order.get(at).and_then(|node| self.0.get(*node));
        let mut asked: Vec<(Order, usize)> = (0..order.len())
            .filter_map(|at| node(at).filter(|node| node.asked).map(|node| (node.order(), at)))
            .collect();
        asked.sort_unstable();
        let chosen = lines(&above, asked.into_iter().map(|(_, at)| at), most);
        chosen.into_iter().filter_map(|(at, level)| Some((node(at)?.row, level))).collect()
    }

    /// Returns the indexes of all processes in the order of the tree: each process is followed by
    /// those that it started, in order of time. Also returns, for each process in this order, the
    /// position of its parent in it; `None` for the first process of a tree.
    fn walk(&self) -> (Vec<usize>, Vec<Option<usize>>) {
        let places: HashMap<Guid, usize> =
            self.0.iter().enumerate().map(|(place, node)| (node.process, place)).collect();
        let mut by_time: Vec<usize> = (0..self.0.len()).collect();
        by_time.sort_by_key(|place| self.0.get(*place).map(Node::order));
        let parent = |place: usize| {
            let parent = self.0.get(place)?.parent?;
            places.get(&parent).copied().filter(|parent| *parent != place)
        };
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.0.len()];
        // The latest comes first, because the last one of a stack is taken first.
        for place in by_time.iter().rev() {
            if let Some(children) = parent(*place).and_then(|parent| children.get_mut(parent)) {
                children.push(*place);
            }
        }
        let roots = by_time.iter().filter(|place| parent(**place).is_none());
        let mut seen = vec![false; self.0.len()];
        let (mut order, mut above) = (Vec::new(), Vec::new());
        // A process that is its own ancestor has no root: the earliest of the circle stands for
        // one.
        for root in roots.chain(&by_time) {
            let mut stack = vec![(*root, None)];
            while let Some((place, parent)) = stack.pop() {
                if seen.get_mut(place).is_none_or(|seen| std::mem::replace(seen, true)) {
                    continue;
                }
                let own = order.len();
                order.push(place);
                above.push(parent);
                let children = children.get(place).into_iter().flatten();
                stack.extend(children.map(|child| (*child, Some(own))));
            }
        }
        (order, above)
    }
}

/// Returns the position of each process's parent; `None` for the first process of a tree. `levels`
/// has the number of ancestors of each process, in the order of the tree. The parent of a process
/// is the last one before it with a lower level.
pub(super) fn above(levels: &[u32]) -> Vec<Option<usize>> {
    let mut line: Vec<(u32, usize)> = Vec::new();
    let above = levels.iter().enumerate().map(|(at, level)| {
        while line.last().is_some_and(|(last, _)| last >= level) {
            line.pop();
        }
        let parent = line.last().map(|(_, parent)| *parent);
        line.push((*level, at));
        parent
    });
    above.collect()
}

/// Selects the processes of a tree that are listed, at most `most`: those at the positions `asked`,
/// in this order, each with its ancestors, up to the first that does not fit with its ancestors. If
/// not even the first fits, it is selected with its nearest ancestors. Returns the positions in
/// ascending order, each with its level (the number of its selected ancestors). `above` has the
/// position of each process's parent, which must be less than that of the process.
pub(super) fn lines(
    above: &[Option<usize>],
    asked: impl IntoIterator<Item = usize>,
    most: usize,
) -> Vec<(usize, u32)> {
    let mut chosen: Vec<Option<u32>> = vec![None; above.len()];
    let parent = |at: usize| above.get(at).copied().flatten();
    let mut count = 0;
    for seed in asked {
        let line: Vec<usize> = std::iter::successors(Some(seed), |at| parent(*at))
            .take_while(|at| chosen.get(*at).is_some_and(Option::is_none))
            .take(most.saturating_add(1))
            .collect();
        let is_first = count == 0;
        if count + line.len() > most && !is_first {
            break;
        }
        for at in line.iter().take(most).rev() {
            let level = parent(*at).and_then(|parent| chosen.get(parent).copied().flatten());
            if let Some(own) = chosen.get_mut(*at) {
                *own = Some(level.map_or(0, |level| level + 1));
                count += 1;
            }
        }
    }
    chosen.into_iter().enumerate().filter_map(|(at, level)| Some((at, level?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn guid(number: u8) -> Guid {
        Guid::parse(&format!("00000000-0000-0000-0000-0000000000{number:02x}")).unwrap()
    }

    /// Makes a forest of processes, each given by its number, that of its parent (0 for none), the
    /// second in which it started, and whether it made a matching query. The number is its row.
    fn forest(nodes: &[(u8, u8, i64, bool)]) -> Forest {
        let node = |(process, parent, started, asked): &(u8, u8, i64, bool)| Node {
            row: u64::from(*process),
            process: guid(*process),
            parent: Some(guid(*parent)).filter(|_| *parent > 0),
            started: Some(EventTime::from_ticks(*started)),
            asked: *asked,
        };
        Forest(nodes.iter().map(node).collect())
    }

    #[test]
    fn a_process_is_followed_by_those_that_it_started_in_order_of_time() {
        let nodes =
            [(1, 0, 10, false), (2, 1, 40, true), (3, 1, 20, false), (4, 3, 30, true), (5, 9, 5, true)];
        for most in [5, usize::MAX] {
            assert_eq!(forest(&nodes).planted(most), [(5, 0), (1, 0), (3, 1), (4, 2), (2, 1)]);
        }
    }

    #[test]
    fn lines_that_do_not_fit_are_left_out_whole() {
        let nodes = [(1, 0, 1, false), (2, 1, 2, false), (3, 2, 3, true), (4, 1, 4, true), (5, 0, 5, true)];
        assert_eq!(forest(&nodes).planted(3), [(1, 0), (2, 1), (3, 2)]);
        assert_eq!(forest(&nodes).planted(4), [(1, 0), (2, 1), (3, 2), (4, 1)]);
        assert_eq!(forest(&nodes).planted(2), [(2, 0), (3, 1)]);
        assert_eq!(forest(&nodes).planted(0), []);
    }

    #[test]
    fn a_process_that_is_its_own_ancestor_is_listed_once() {
        let nodes = [(1, 2, 1, true), (2, 3, 2, false), (3, 1, 3, false), (4, 4, 4, true)];
        let mut planted = forest(&nodes).planted(9);
        planted.sort_unstable();
        assert_eq!(planted.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [1, 4]);
    }

    proptest! {
        #[test]
        fn a_tree_has_each_process_once_and_children_below_their_parents(
            nodes in prop::collection::vec((0..12_u8, 0_i64..6, any::<bool>()), 0..12),
            most in 0..14_usize,
        ) {
            let nodes: Vec<_> =
                nodes.into_iter().zip(1..).map(|((parent, time, asked), own)| (own, parent, time, asked)).collect();
            let forest = forest(&nodes);
            let (order, above) = forest.walk();
            let mut all = order.clone();
            all.sort_unstable();
            prop_assert_eq!(all, (0..nodes.len()).collect::<Vec<_>>());
            for (at, parent) in above.iter().enumerate() {
                let Some(parent) = parent else { continue };
                prop_assert!(*parent < at);
                prop_assert_eq!(usize::from(nodes[order[at]].1), order[*parent] + 1);
            }
            let planted = forest.planted(most);
            prop_assert!(planted.len() <= most);
            let levels: Vec<u32> = planted.iter().map(|(_, level)| *level).collect();
            for (at, parent) in super::above(&levels).into_iter().enumerate() {
                prop_assert_eq!(parent.map_or(0, |parent| levels[parent] + 1), levels[at]);
            }
        }
    }
}
