//! A sweep in parts: a plan divides the evidence into shards, processes on any machines read one
//! shard each and write a part (a file with the shard's results), and a merge makes of the parts
//! the output that one sweep would have written.
//!
//! A part has an entry for each block (a range) of its files: the block's result, encoded as in the
//! journal, from which an interrupted sweep is resumed. A merge is a sweep that takes all results
//! from parts.

mod merge;
mod merge_units;
mod part;
mod plan;
mod processes;
mod shard;

pub use self::merge::{Merge, PartSource};
pub(super) use self::merge_units::{Group, MergeUnits};
pub(super) use self::part::{ForPart, PART, PartEntry, PartWriter};
pub use self::plan::{Plan, PlanSummary};
pub(super) use self::processes::{BlockProcesses, PartsAgain, PartsPass};
pub use self::shard::{ShardSweep, sweep_shard};
