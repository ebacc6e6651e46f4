//! Tables to Parquet files. The only importer of `arrow` and `parquet`; knows columns and cells,
//! and nothing of what they mean.

mod builder;
mod output;
mod parquet;
mod partial;
mod reading;
mod rows;
mod schema;
mod syncing;

pub use builder::Table;
pub use output::{OutputDirectory, Rest, prepare};
pub use parquet::{ROW_GROUP_ROWS, TableWriter, WrittenTable};
pub use partial::Earlier;
pub(crate) use partial::{JOURNAL_LENGTH_SIZE, JOURNAL_PREFIX};
pub use reading::{read_rows, row_count};
pub use rows::Rows;
pub use syncing::Syncing;
