//! Finds data outside its proper place: chunks that do not lie at a multiple of 64 KiB after the
//! file header, chunks in files that are not logs, and deleted records.

pub(in crate::scan) mod carve;
pub(in crate::scan) mod free_space;
pub(in crate::scan) mod headerless;
pub(in crate::scan) mod misaligned;
pub(in crate::scan) mod nested;
pub(in crate::scan) mod recover;
pub(in crate::scan) mod reliance;
pub(in crate::scan) mod stale;
