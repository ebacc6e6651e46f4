//! Tables to Parquet files in the output directory, and what an unfinished sweep keeps beside it.
//! The only importer of `arrow` and `parquet`; knows columns and cells, and nothing of what they
//! mean.

mod access;
mod builder;
mod directory;
mod names;
mod parquet;
mod partial;
mod reading;
mod rows;
mod schema;
mod syncing;

pub(crate) use access::open_own;
pub use access::{Access, NewFile};
pub use builder::Table;
pub use directory::{OutputDirectory, Rest, prepare};
pub(crate) use names::{MOST_ID, is_plain_id};
pub use names::{RUN_FILE, STATS_FOLDER};
pub use parquet::{ROW_GROUP_ROWS, TableWriter, WrittenTable};
pub use partial::{Earlier, partial_directory};
pub(crate) use partial::{JOURNAL_LENGTH_SIZE, JOURNAL_PREFIX};
pub use reading::{read_rows, row_count};
pub use rows::Rows;
pub use syncing::Syncing;
