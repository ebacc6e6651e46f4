//! Reads events from a log's bytes: blocks of chunks are read and their records walked and decoded,
//! or event XML is read block by block. Knows the formats, but not detections, tables or reports.

mod block;
mod block_scan;
mod carved;
mod chunk_scan;
mod decode;
mod evtx;
mod extent;
mod located;
#[cfg(test)]
mod queries;
mod read;
mod record_view;
mod salvage;
mod scanner;
mod skim;
mod slot;
mod xml;

pub use block::ReadSize;
pub use block_scan::BlockScan;
pub use decode::document::{NoDnsQuery, dns_query_of_json};
pub use evtx::chunk::Checksums;
pub use evtx::log::{
    BLOCK_CHUNKS, Block, CHUNK_SIZE, FILE_HEADER_SIZE, FileHeader, HELD_BLOCK_CHUNKS, blocks,
};
pub use located::{LocatedEvent, Location};
pub use record_view::view_record;
pub use scanner::{Recovery, Scanner};
pub use skim::needle::{DnsClient, Needle, Selection, WantedQueries};
pub use skim::process::{ChunkLinks, ProcessLink, ProcessSearch};
pub use xml::{XmlFile, view_xml_event};
