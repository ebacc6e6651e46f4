//! What is known of the evidence, down to every byte and every record. It is plain data, whose
//! parts merge in any order to the same whole. [`crate::report`] makes table rows of it.

pub mod clock;
pub mod container;
pub mod damage;
pub mod event_form;
pub mod file;
pub mod logs;
pub mod note;
pub mod problems;
pub mod record_ids;
pub mod tally;
