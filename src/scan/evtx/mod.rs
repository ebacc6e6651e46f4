//! Reads the format of an event log: the file header, chunks and the search for their records, the
//! tokens and types of binary XML, template definitions and values.

pub(in crate::scan) mod binxml;
pub(in crate::scan) mod chunk;
mod element;
pub(in crate::scan) mod log;
pub(in crate::scan) mod template;
pub(in crate::scan) mod token_reader;
pub(in crate::scan) mod value;
pub(in crate::scan) mod walk;
