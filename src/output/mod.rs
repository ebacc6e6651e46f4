//! Writes tables as Parquet files to the output directory. Keeps an unfinished sweep's tables, and
//! the journal from which the sweep can be resumed, next to that directory. This is the only module
//! that imports `arrow` and `parquet`. It knows columns and cells, but not their meaning.

mod builder;
mod directory;
mod error;
mod frame;
mod names;
mod packed;
mod parquet;
mod partial;
mod partitions;
mod reading;
mod removal;
mod rows;
mod schema;
mod syncing;
mod table_file;

pub use crate::base::platform::Access;
pub use builder::Table;
pub use directory::{FinalJournal, NewFile, OutputDirectory, prepare};
pub use error::OutputError;
pub(crate) use frame::{document, framed, read_framed};
pub use names::{
    CONTAINERS_FILE, DOCUMENTS, FILES_FILE, HOSTS_FILE, LEADS_FILE, MATCHES_FILE, PAGE_FILE, PART_FILE,
    PARTITION_COLUMN, PARTITIONED, PARTITIONS_FOLDER, PROCESSES_FILE, QUERIES_FILE, RUN_FILE, STATS_FOLDER,
    partial_directory, stats_file,
};
pub(crate) use packed::{PackedFile, PackedKind, PackedReader, PackedWriter, size_and_sha256};
pub use packed::{PartsError, WrittenFile};
pub use parquet::{ROW_GROUP_ROWS, TableWriter, WrittenTable};
pub use partial::UnfinishedPolicy;
pub use partitions::{PartitionWriter, Partitioned};
pub use reading::{OutputTables, row_count};
pub use rows::Rows;
pub use syncing::PendingSync;
