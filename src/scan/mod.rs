//! From a log's bytes to the events in them: blocks of chunks are read, their records walked and
//! decoded; or a file of event XML is, block by block. Knows the formats, and nothing of
//! detections, tables or reports.

mod block;
mod block_scan;
mod carved;
mod chunk_scan;
mod decode;
mod evtx;
mod extent;
mod located;
mod place;
#[cfg(test)]
mod queries;
mod read;
mod salvage;
mod scanner;
mod skim;
mod xml;

pub use block::Reads;
pub use block_scan::BlockScan;
pub use decode::document::dns_query_of_json;
pub use evtx::chunk::Checksums;
pub use evtx::log::{
    BLOCK_CHUNKS, Block, CHUNK_SIZE, FILE_HEADER_SIZE, FileHeader, HELD_BLOCK_CHUNKS, blocks,
};
pub use located::{LocatedEvent, Location};
pub use scanner::{Recovery, Scanner};
pub use skim::needle::{DnsClient, Needle, Selection, Wanted};
pub use xml::XmlFile;
