//! Tables to Parquet files. The only importer of `arrow` and `parquet`; knows columns and cells,
//! and nothing of what they mean.

mod builder;
mod output;
mod parquet;
mod reading;
mod schema;

pub use builder::{Rows, Table};
pub use output::{OutputDirectory, prepare};
pub use parquet::{ROW_GROUP_ROWS, TableWriter, WrittenTable};
pub use reading::{read_rows, row_count};
