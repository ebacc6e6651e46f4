//! What is known of the evidence, down to every byte and every record, as plain data. What is known
//! of the parts of the evidence can be merged in any order, with the same result. [`crate::report`]
//! makes table rows of it.

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
