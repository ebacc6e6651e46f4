//! The format of an event log: its header and blocks, chunks and the walk over their records, and
//! the pieces of binary XML that its readers share.

pub(in crate::scan) mod binxml;
pub(in crate::scan) mod chunk;
pub(in crate::scan) mod log;
pub(in crate::scan) mod template;
pub(in crate::scan) mod text;
pub(in crate::scan) mod token;
pub(in crate::scan) mod value;
pub(in crate::scan) mod walk;
