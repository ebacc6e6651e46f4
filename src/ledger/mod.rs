//! What a sweep has read of the evidence, and what is wrong with the evidence, down to every byte
//! and every record, as plain data. The data about different files can be merged in any order, with
//! the same result; the data about the parts of one file is joined in file order. [`crate::report`]
//! makes table rows of all this.

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
