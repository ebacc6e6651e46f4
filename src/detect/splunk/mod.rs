//! Splunk's language: a search of SPL, and the rule files that hold one, become a
//! predicate and a `stats`.
//!
//! A search is read from left to right: [`token`] reads words, [`expansion`] fills in macros,
//! [`head`] reads what selects events, [`pipeline`] the commands after it. Nothing outside of this
//! folder knows SPL, except for the conditions of a site's exclusions, which are heads of searches.

pub(in crate::detect) mod column_commands;
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
pub(in crate::detect) mod stats_commands;
pub(in crate::detect) mod token;
