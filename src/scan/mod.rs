//! From a log's bytes to the events in them: blocks of chunks are read, their records walked and
//! decoded; or a file of event XML is, block by block. Knows the formats, and nothing of
//! detections, tables or reports.

mod binxml;
mod block;
mod carve;
mod chunk;
mod cost;
mod direct;
mod dns_client;
mod document;
mod embedding;
mod extent;
mod free_space;
mod headerless;
mod inline;
mod known;
mod layout;
mod located;
mod log;
mod lost_names;
mod needle;
mod off_grid;
#[cfg(test)]
mod queries;
mod read;
mod record;
mod recover;
mod reliance;
mod remembered;
mod seen;
mod select;
mod stale;
mod stretch;
mod template;
mod text;
mod token;
mod trigram;
mod unfit;
mod value;
mod walk;
mod xml;

pub use block::{BlockScan, Reads, Recovery, Scanner};
pub use chunk::Checksums;
pub use document::dns_query_of_json;
pub use located::{Located, LocatedEvent, LocatedLead, Location};
pub use log::{BLOCK_CHUNKS, Block, CHUNK_SIZE, FILE_HEADER_SIZE, FileHeader, HELD_BLOCK_CHUNKS, blocks};
pub use needle::{DnsClient, Needle, Selection, Wanted};
pub use xml::XmlFile;
