//! The units of work of a merge: blocks (ranges) of files, each with its result, which is read from
//! a part. Which parts belong together is decided in `super::merge`.

use std::sync::atomic::{AtomicBool, Ordering};

use super::part::{PartReader, PartUnit};
use super::processes::GroupAgain;
use crate::error::SweepError;
use crate::evidence::discover::Discovery;
use crate::output::PartsError;
use crate::scan::Block;
use crate::sweep::unit::{Unit, UnitSource};

/// The opened parts (files with results) of all shards of one plan, or the one part of a whole
/// sweep, which contains a plan with one shard.
pub(in crate::sweep) struct Group {
    /// The 0-based position of the plan's first file in the list of the files of all plans that are
    /// merged, plan after plan.
    pub(super) first_file: usize,
    /// For each of the plan's files, the 0-based number of its shard. It is also the index in
    /// `parts` of the part that has the file's results.
    pub(super) shards: Vec<u32>,
    /// The parts of all shards, in the order of the shards.
    pub(super) parts: Vec<PartReader>,
}

impl Group {
    /// Returns the paths of the parts, with all that is needed to read them a second time for their
    /// process events.
    pub(super) fn again(&self) -> GroupAgain {
        let parts = self.parts.iter().map(|part| (part.path.clone(), part.before));
        GroupAgain { first_file: self.first_file, shards: self.shards.clone(), parts: parts.collect() }
    }
}

/// The units of work (blocks of files, with their results) of all parts of a merge, in evidence
/// order.
pub(in crate::sweep) struct MergeUnits<'a> {
    groups: std::vec::IntoIter<Group>,
    /// The parts of one plan that are being read, and the position, in the plan's list of files, of
    /// the file whose units come next. `None` before the first plan and between two plans.
    current: Option<(Group, usize)>,
    /// The offset in the current file, in bytes, at which the next block must begin; `None` before
    /// the first block of the file.
    reached: Option<u64>,
    discovery: &'a Discovery,
    interrupt: &'a AtomicBool,
    failed: Option<SweepError>,
}

impl<'a> MergeUnits<'a> {
    /// Returns the units of work (blocks of files, with their results) of these parts. `discovery`
    /// has the files of all plans. When `interrupt` becomes true, no unit follows, and
    /// [`end`](Self::end) returns an error.
    pub(in crate::sweep) fn new(
        groups: Vec<Group>,
        discovery: &'a Discovery,
        interrupt: &'a AtomicBool,
    ) -> Self {
        let groups = groups.into_iter();
        MergeUnits { groups, current: None, reached: None, discovery, interrupt, failed: None }
    }

    /// Returns an error if units of work (blocks of files) are missing or could not be read, or if
    /// the merge was interrupted. It must be called when no unit is left.
    pub(in crate::sweep) fn end(&mut self) -> Result<(), SweepError> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Returns the next unit of work (a block of a file, with its result); `None` if all were
    /// returned.
    fn next_unit(&mut self) -> Result<Option<Unit<'a>>, PartsError> {
        loop {
            let Some((group, place)) = &mut self.current else {
                let Some(next) = self.groups.next() else { return Ok(None) };
                self.current = Some((next, 0));
                continue;
            };
            let Some(shard) = group.shards.get(*place) else {
                group.parts.iter_mut().try_for_each(PartReader::check_end)?;
                self.current = None;
                continue;
            };
            let number = group.first_file + *place;
            let file = self.discovery.files.get(number).expect("the files are those of the plans");
            if file.same_as().is_some() {
                *place += 1;
                let block = Block { start: file.size, end: file.size };
                return Ok(Some(Unit { file, number, block, source: UnitSource::Unchanged }));
            }
            let part = group.parts.get_mut(*shard as usize).expect("the plan has as many shards");
            let next = part.next_of(*place as u64)?;
            let end = self.reached.unwrap_or(0);
            match next {
                Some(PartUnit { unit, entry }) => {
                    let Block { start, end: block_end } = unit.block;
                    if start != end || block_end < start {
                        return Err(part.wrong(format!(
                            "it is damaged: expected a block from {end} of a file, found one from {start} to {block_end}"
                        )));
                    }
                    self.reached = Some(unit.block.end);
                    return Ok(Some(Unit {
                        file,
                        number,
                        block: unit.block,
                        source: UnitSource::Part(entry),
                    }));
                }
                None if self.reached.is_some_and(|end| end >= file.size) => {
                    self.reached = None;
                    *place += 1;
                }
                None => {
                    return Err(part.wrong(format!(
                        "it is damaged: '{}' is missing or not complete",
                        file.source_path()
                    )));
                }
            }
        }
    }
}

impl<'a> Iterator for MergeUnits<'a> {
    type Item = Unit<'a>;

    fn next(&mut self) -> Option<Unit<'a>> {
        if self.failed.is_some() {
            return None;
        }
        if self.interrupt.load(Ordering::Relaxed) {
            self.failed = Some(SweepError::Interrupted);
            return None;
        }
        self.next_unit().unwrap_or_else(|error| {
            self.failed = Some(error.into());
            None
        })
    }
}
