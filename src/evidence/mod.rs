//! Where bytes come from: which files of the evidence are logs, and how their bytes are read. What
//! a log says is not this module's concern.

pub mod discover;
mod error;
pub mod event_form;
pub mod event_xml;
pub mod read_permits;
pub mod source;

pub use self::error::EvidenceError;
