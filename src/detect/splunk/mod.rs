//! SPL, Splunk's search language. Searches, and the rule files that contain them, become a
//! [`Predicate`](crate::detect::predicate::Predicate) and a [`Stats`](crate::detect::stats::Stats).
//!
//! A search is read from left to right. [`token`] reads words, [`expansion`] expands macros,
//! [`head`] reads the condition that selects events, and [`pipeline`] reads the commands after it.
//! Besides Splunk's rules, only a site's exclusions are written in SPL: each is a condition like
//! the head of a search.

pub(in crate::detect) mod column_commands;
mod condition_context;
pub(in crate::detect) mod eval;
pub(in crate::detect) mod event_code;
pub(in crate::detect) mod expansion;
pub(in crate::detect) mod file;
pub(in crate::detect) mod filter_commands;
pub(in crate::detect) mod head;
pub(in crate::detect) mod head_origin;
pub(in crate::detect) mod head_value;
pub(in crate::detect) mod library;
pub(in crate::detect) mod names;
pub(in crate::detect) mod origin;
pub(in crate::detect) mod other_data;
pub(in crate::detect) mod pipeline;
pub(in crate::detect) mod row_commands;
pub(in crate::detect) mod search;
pub(in crate::detect) mod search_error;
pub(in crate::detect) mod stats_commands;
pub(in crate::detect) mod token;
