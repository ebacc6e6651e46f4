//! Tables to Parquet files. The only importer of `arrow` and `parquet`; knows columns and cells,
//! and nothing of what they mean.

mod access;
mod builder;
mod names;
mod output;
mod parquet;
mod partial;
mod reading;
mod rows;
mod schema;
mod syncing;

pub(crate) use access::open_own;
pub use access::{Access, NewFile};
pub use builder::Table;
pub(crate) use names::{MOST_ID, is_plain_id};
pub use names::{RUN_FILE, STATS_FOLDER};
pub use output::{OutputDirectory, Rest, prepare};
pub use parquet::{ROW_GROUP_ROWS, TableWriter, WrittenTable};
pub use partial::{Earlier, partial_directory};
pub(crate) use partial::{JOURNAL_LENGTH_SIZE, JOURNAL_PREFIX};
pub use reading::{read_rows, row_count};
pub use rows::Rows;
pub use syncing::Syncing;
