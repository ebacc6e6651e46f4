//! A sweep in parts: a plan divides the evidence into shards, processes on any machines read one
//! shard each and leave a part, and a merge makes of the parts what one sweep would have written.
//!
//! A part has an entry for each block of its files: the block's result, encoded as in the journal.
//! A merge is a sweep whose results all come from parts.

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
