//! What knows nothing of events: search for bytes, work on threads in order, hashes, maps of few
//! entries, the text of paths, and the system that this runs on.

pub mod byte_search;
pub mod digest;
pub mod few;
pub mod hash_chain;
pub mod in_order;
pub mod path_text;
pub(crate) mod plain_name;
pub mod platform;
pub(crate) mod switch;
