//! Tests of records of real NTFS volumes, which are compared with what sleuthkit says of them.
//!
//! The records do not ship with this repository. `DNSWEEP_CONTAINERS` names a folder that has them.
//! If it does not, the tests are listed as ignored.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that goes wrong fails loudly"
)]

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use dnsweep::internals::evidence::layer::Source;
use dnsweep::internals::evidence::source::LogBytes;
use dnsweep::internals::evidence::volume::ntfs::Ntfs;
use libtest_mimic::{Arguments, Trial};

const VARIABLE: &str = "DNSWEEP_CONTAINERS";

fn main() -> ExitCode {
    let test = || {
        fragmented_table();
        Ok(())
    };
    let name = "the_runs_of_a_table_with_an_attribute_list_are_sleuthkits";
    let trial = Trial::test(name, test).with_ignored_flag(folder().is_none());
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

/// The folder of records, or `None` if there is none.
fn folder() -> Option<PathBuf> {
    let containers = PathBuf::from(std::env::var_os(VARIABLE)?);
    Some(containers.join("highly_fragmented_mft")).filter(|folder| folder.is_dir())
}

/// A volume of which only some ranges of bytes are known, each with its offset. All other bytes are
/// zeros.
struct Pieces(Vec<(u64, Vec<u8>)>);

impl LogBytes for Pieces {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(0);
        for (place, byte) in buffer.iter_mut().enumerate() {
            let at = offset + place as u64;
            let piece =
                self.0.iter().find(|(start, bytes)| (*start..start + bytes.len() as u64).contains(&at));
            *byte = piece.map_or(0, |(start, bytes)| bytes[usize::try_from(at - start).unwrap()]);
        }
        Ok(buffer.len())
    }
}

impl Source for Pieces {
    fn size(&self) -> u64 {
        1 << 40
    }
}

/// The master file table of a volume has so many runs that its attribute list lies in clusters. It
/// has the runs and the size that sleuthkit lists.
fn fragmented_table() {
    let folder = folder().unwrap();
    let mut pieces = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if let Some(offset) = name.strip_prefix("0x") {
            pieces.push((u64::from_str_radix(offset, 16).unwrap(), fs::read(&path).unwrap()));
        }
    }
    assert_eq!(pieces.len(), 6);
    let ntfs = Ntfs::open(Arc::new(Pieces(pieces))).unwrap();
    // Runs of the unnamed $DATA, as istat lists them.
    let listed = fs::read_to_string(folder.join("istat.txt")).unwrap();
    let attributes = listed.split("\nAttributes:").nth(1).unwrap();
    let data: Vec<&str> = attributes.split("\nType: ").filter(|text| text.starts_with("$DATA")).collect();
    let runs: usize = data.iter().map(|text| text.matches("Staring address").count()).sum();
    assert!(runs > 100);
    assert_eq!(ntfs.table_runs(), runs);
    assert_eq!(ntfs.open_stream(0, None).unwrap().size(), 7_203_717_120);
    assert!(data[0].contains("size: 7203717120"));
}
