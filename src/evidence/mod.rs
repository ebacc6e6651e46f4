//! Finds the event logs among the files of the evidence, and reads their bytes. This module does
//! not interpret what a log contains.

pub mod collector;
pub mod container;
pub mod discover;
mod error;
pub mod event_form;
pub mod event_xml;
pub mod kept;
pub mod layer;
pub mod read_permits;
pub mod source;
pub mod sparse;
pub mod spool;
pub mod volume;

pub use self::error::EvidenceError;
