//! The skim: counts the records of a chunk that no detection can match, without decoding them, and
//! decides which records must be decoded. Tests compare its result with that of decoding all
//! records.

mod beside;
pub(in crate::scan) mod first_template;
pub(in crate::scan) mod known;
pub(in crate::scan) mod layout;
mod listed;
pub(in crate::scan) mod needle;
pub(in crate::scan) mod other_events;
pub(in crate::scan) mod process;
mod read_events;
pub(in crate::scan) mod record_batch;
mod remembered_data;
pub(in crate::scan) mod select;
pub(in crate::scan) mod skimmed_record;
pub(in crate::scan) mod templateless;
pub(in crate::scan) mod trigram;
