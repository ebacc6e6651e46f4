//! What must be true of every input: one check for each target. A check that fails panics.
//!
//! This module is compiled twice: in the fuzz crate, and in `tests/fuzz_replay.rs` of the main
//! workspace.

mod carve;
mod chunk;
mod container;
mod detection;
mod event;
mod event_xml;
mod evidence;
mod image;
mod search;
mod select;
mod volume;
mod vss;

pub use evidence::{InputFormat, input};
pub use image::{qcow2_with_volume, seeds as image_seeds};
pub use volume::seeds as volume_seeds;

/// A fuzz target: its inputs, its check, and limits on what an input may cost.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of the target's binary, and of the folder with the inputs that fuzzing it found.
    pub name: &'static str,
    /// The name of the folder with the inputs with which fuzzing the target begins. Targets with
    /// the same kind of input share one.
    pub seeds: &'static str,
    /// The check, which panics if it fails for an input.
    pub check: fn(&[u8]),
    /// The most memory in bytes that the check may use at a time.
    pub most_memory: usize,
    /// The most processor time in seconds that the check may take.
    pub most_seconds: u64,
}

const MIB: usize = 1 << 20;

/// All fuzz targets.
pub const TARGETS: [Target; 17] = [
    // The decoder bounds what it builds of a chunk: a million nodes, which take 340 MB if arrays
    // repeat elements. What the decoder reads is bounded by dnsweep, to less. The check scans
    // twice.
    Target { name: "select", seeds: "log", check: select::check, most_memory: 400 * MIB, most_seconds: 2 },
    Target { name: "chunk", seeds: "log", check: chunk::check, most_memory: 400 * MIB, most_seconds: 1 },
    Target { name: "carve", seeds: "log", check: carve::check, most_memory: 400 * MIB, most_seconds: 2 },
    // The check has a few blocks in memory, each with the bytes around it.
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
    // The volume that the input is put into, and a few records or clusters of it at a time.
    Target { name: "table", seeds: "table", check: volume::table, most_memory: 32 * MIB, most_seconds: 1 },
    Target {
        name: "ntfs_record",
        seeds: "ntfs_record",
        check: volume::record,
        most_memory: 32 * MIB,
        most_seconds: 1,
    },
    Target {
        name: "run_list",
        seeds: "run_list",
        check: volume::run_list,
        most_memory: 32 * MIB,
        most_seconds: 1,
    },
    Target { name: "lznt1", seeds: "lznt1", check: volume::lznt1, most_memory: 32 * MIB, most_seconds: 1 },
    Target {
        name: "attribute_list",
        seeds: "attribute_list",
        check: volume::attribute_list,
        most_memory: 32 * MIB,
        most_seconds: 1,
    },
    // The blocks of the volume, of which 64 are made, and what is read of all snapshots.
    Target { name: "vss", seeds: "vss", check: vss::check, most_memory: 32 * MIB, most_seconds: 1 },
    // A VHDX of 4 MiB, and what images take whatever their size: 10 MiB.
    Target { name: "image", seeds: "image", check: image::check, most_memory: 32 * MIB, most_seconds: 1 },
    Target { name: "ewf", seeds: "ewf", check: image::check_ewf, most_memory: 32 * MIB, most_seconds: 1 },
    // Unpacked copies of up to 32 MiB, which the spool keeps in memory, and what unpacks them.
    Target {
        name: "container",
        seeds: "container",
        check: container::check,
        most_memory: 400 * MIB,
        most_seconds: 5,
    },
    Target {
        name: "zip_listing",
        seeds: "zip_listing",
        check: container::check_zip_listing,
        most_memory: 300 * MIB,
        most_seconds: 2,
    },
    // Dictionaries are no larger than what is unpacked, and that is limited by the spool or memory.
    Target {
        name: "sevenzip_listing",
        seeds: "sevenzip_listing",
        check: container::check_sevenzip_listing,
        most_memory: 700 * MIB,
        most_seconds: 5,
    },
];
