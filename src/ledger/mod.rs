//! The account of evidence: every byte and every record of it. Plain data, whose parts merge in any
//! order to the same whole. What makes of it the rows of the tables is [`crate::report`]'s.

pub mod clock;
pub mod damage;
pub mod event_form;
pub mod file;
pub mod logs;
pub mod note;
pub mod problems;
pub mod record_ids;
pub mod tally;
