//! Containers in containers: what the files in them inherit, and images whose files lie in an archive
//! or on a volume.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;

use common::containers::{disk, make};
use common::{Scene, repository};
use serde_json::{Value, json};

/// Returns the bytes of a text in UTF-16.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Replaces all occurrences of `from` by `to`, which has the same length. Fails the test if there is
/// none.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let found: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!found.is_empty());
    for at in found {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
}

/// Returns a log of the samples, and an archive of it with the same length. The archive is by
/// Python.
fn log_and_archive(scene: &Scene, name: &str) -> (Vec<u8>, Vec<u8>) {
    let log = repository("samples/evidence/FIN-WS07/Windows/System32/winevt/Logs").join(name);
    let archive = scene.path("archive");
    make(&["padded", log.to_str().unwrap(), archive.to_str().unwrap()]);
    (fs::read(log).unwrap(), fs::read(archive).unwrap())
}

#[test]
fn files_of_an_archive_inherit_the_shadow_copy_and_the_deletion_of_the_archive() {
    let scene = Scene::new();
    let mut disk = disk();
    // It is deleted in the live volume, and not in the shadow copy.
    let name = "Archive-Microsoft-Windows-Sysmon%4Operational-2025-03-03-19-40-12-501";
    let (log, archive) = log_and_archive(&scene, &format!("{name}.evtx"));
    replace(&mut disk, &log, &archive);
    replace(&mut disk, &utf16(&format!("{name}.evtx")), &utf16(&format!("{name}_.zip")));
    scene.put("FIN.raw", &disk);
    let swept = scene.sweep(&["--vss", "--hash"]).expect(0);
    let of = |path: &str| {
        let row = swept.file(&format!("FIN.raw!p1{path}!C/Windows/x.evtx"));
        assert_eq!(
            (&row["status"], &row["original_path"]),
            (&json!("complete"), &json!("C:\\Windows\\x.evtx"))
        );
        [row["snapshot_time"].clone(), row["deleted_file"].clone()]
    };
    let path = format!("Windows/System32/winevt/Logs/{name}_.zip");
    let made: Value = json!(1_741_125_600_000_000_u64);
    assert_eq!(of(&format!("@vss1/{path}")), [made.clone(), json!(false)]);
    assert_eq!(of(&format!("/{path}@mft72")), [json!(null), json!(true)]);
    let times: Vec<[Value; 2]> = swept
        .rows("matches")
        .iter()
        .map(|row| [row["snapshot_time"].clone(), row["deleted_file"].clone()])
        .collect();
    assert!(
        times.contains(&[made, json!(false)]) && times.contains(&[json!(null), json!(true)]),
        "{times:?}"
    );
}
