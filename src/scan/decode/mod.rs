//! Converts records to events, with the `evtx` crate or directly from the stored values.

pub(in crate::scan) mod cost;
pub(in crate::scan) mod direct;
pub(in crate::scan) mod document;
pub(in crate::scan) mod event_data;
pub(in crate::scan) mod lost_names;
pub(in crate::scan) mod record;
pub(in crate::scan) mod undecodable;
