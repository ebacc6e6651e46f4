//! Sweeps Windows event logs for Sysmon DNS queries (event 22) that a detection describes, writes
//! them to Parquet, and reduces them to a report per host.
//!
//! # Data flow
//!
//! One way, from evidence to tables:
//!
//! ```text
//! discover ── LogFile ──▶ scan ── Located ──▶ detect ── MatchRow, LeadRow ──▶ write
//!                          │                                    │
//!                          └──── Tally, Problems ──▶ report ◀───┘
//! ```
//!
//! - [`discover`] walks the roots and finds what is named like an event log, or is event XML.
//! - [`scan`] reads a log in blocks of chunks, walks the records and decodes them; or event XML, in
//!   blocks of bytes.
//! - [`detect`] evaluates the detections on each DNS query.
//! - [`write`](mod@write) makes Parquet files of tables.
//! - [`report`] makes rows and the summary of what was found, and of what was not.
//!
//! The stages do not know one another: they meet in [`sweep`](mod@sweep), and some of them again in
//! [`verify`](mod@verify), which compares an output with its `run.json` and evidence with the
//! ledger. What they hand on is plain data: [`event`], [`damage`], [`note`], [`tally`], [`table`].
//! A log's bytes are reached through [`bytes`] alone, whatever holds them; [`event_xml`] tells
//! event XML by the first of them. [`detections`] is what can be done with rules besides sweeping.
//! [`in_order`] spreads blocks over threads and gives the results back in order, so that the tables
//! are the same to the byte on any number of threads; [`hash_chain`] hashes a file whose blocks are
//! read in any order.
//!
//! # Terms
//!
//! - *Evidence*: what was collected, usually a folder per machine. It is only read.
//! - *Log*: a file header of 4096 bytes and *chunks* of 64 KiB; a chunk holds *records* and the
//!   *template* definitions that they refer to. A record holds the *substitutions* for a template.
//! - *Event XML*: events as text, as Windows renders them. It has neither chunks nor records; each
//!   event counts as one.
//! - *Hit*: a DNS query and a detection that describes it, if none of the site's *exclusions* takes
//!   it away.
//! - *Match*: a DNS query with at least one hit. However many detections describe it, it is one
//!   match.
//! - *Period*: the times that matches must lie in, if any were asked for. A host without matches is
//!   cleared only if its DNS queries cover it.
//! - *Lead*: a query that Windows' own DNS client logged, and a detection that could match with its
//!   name. It is no match.
//! - *Ledger*: `files.parquet`, which accounts for every file.
//!
//! # Limits
//!
//! Memory does not grow with the evidence, save by the list of its files, and by the distinct
//! values and stats rows of its matches. What is wrong with evidence never stops a sweep
//! ([`damage`]); what does is in [`error`].
//!
//! # Example
//!
//! ```
//! use dnsweep::detect::Detection;
//! use dnsweep::event::{DnsQueryEvent, System};
//!
//! let detection = Detection::seed()?;
//! let event = DnsQueryEvent {
//!     system: System { provider: "Microsoft-Windows-Sysmon".into(), event_id: 22, ..System::default() },
//!     query_name: Some("pastebin.com".into()),
//!     image: Some(r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe".into()),
//!     ..DnsQueryEvent::default()
//! };
//! assert!(detection.search.predicate.evaluate(&event));
//! # Ok::<(), dnsweep::detect::DetectionError>(())
//! ```

pub mod base;
pub mod cli;
pub mod config;
pub mod detect;
pub mod error;
pub mod event;
pub mod evidence;
pub mod exit;
pub mod ledger;
pub mod output;
pub mod report;
pub mod scan;
pub mod sweep;
pub mod table;
pub mod verify;
