//! What must hold whatever the input is: one check for each target. A check that does not hold
//! panics.
//!
//! This module is compiled twice: in the fuzz crate, and in `tests/fuzz_replay.rs` of the main
//! workspace.

mod carve;
mod chunk;
mod detection;
mod event;
mod event_xml;
mod evidence;
mod search;
mod select;

pub use evidence::{Form, input};

/// A target: its inputs, what must hold of them, and what they may cost.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: that of its binary, and of its folder of finds.
    pub name: &'static str,
    /// Its folder of seeds, which targets of like inputs share.
    pub seeds: &'static str,
    /// Panics where something does not hold of an input.
    pub check: fn(&[u8]),
    /// The most memory that the check may hold at a time, in bytes.
    pub most_memory: usize,
    /// The most time of a processor that it may take, in seconds.
    pub most_seconds: u64,
}

const MIB: usize = 1 << 20;

/// All targets.
pub const TARGETS: [Target; 6] = [
    // What the decoder builds of a chunk is bounded by itself: a million nodes, that come to 340 MB
    // where arrays repeat elements. What it reads is bounded by dnsweep, to less. Two scans.
    Target { name: "select", seeds: "log", check: select::check, most_memory: 400 * MIB, most_seconds: 2 },
    Target { name: "chunk", seeds: "log", check: chunk::check, most_memory: 400 * MIB, most_seconds: 1 },
    Target { name: "carve", seeds: "log", check: carve::check, most_memory: 400 * MIB, most_seconds: 2 },
    // A few blocks, each with what lies around it.
    Target {
        name: "event_xml",
        seeds: "event_xml",
        check: event_xml::check,
        most_memory: 32 * MIB,
        most_seconds: 1,
    },
    Target { name: "search", seeds: "search", check: search::check, most_memory: 32 * MIB, most_seconds: 1 },
    Target {
        name: "detection",
        seeds: "detection",
        check: detection::check,
        most_memory: 32 * MIB,
        most_seconds: 1,
    },
];
