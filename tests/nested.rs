//! Containers in containers: what the files in them inherit, and images whose files lie in an
//! archive or on a volume.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::containers::{disk, make};
use common::{FinishedSweep, Scene, repository, sweep};
use serde_json::{Value, json};

/// Returns the bytes of a text in UTF-16.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Replaces all occurrences of `from` by `to`, which has the same length. Fails the test if there
/// is none.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let found: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!found.is_empty());
    for at in found {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
}

/// Returns a log of the samples, and an archive that Python made of it, with the same length as the
/// log, so that it can take the log's place on a disk.
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
    // The shadow copy keeps the blocks that have changed, and with them some of the log's clusters.
    for (log, archive) in log.chunks(4096).zip(archive.chunks(4096)) {
        replace(&mut disk, log, archive);
    }
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

/// Returns a VMDK descriptor of flat extents with these sizes in bytes, which lie in the files
/// `disk-f001.vmdk` and on.
fn descriptor(sizes: &[usize]) -> String {
    let extents = sizes.iter().zip(1..).map(|(size, number)| {
        assert_eq!(size % 512, 0);
        format!("RW {} FLAT \"disk-f{number:03}.vmdk\" 0\n", size / 512)
    });
    let extents: String = extents.collect();
    format!(
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"twoGbMaxExtentFlat\"\n\n{extents}"
    )
}

#[test]
fn a_log_whose_beginning_lies_in_a_missing_file_of_an_image_is_damaged() {
    let disk = disk();
    // The first eleven clusters of a log with one chunk.
    let (start, end) = (3_379_200, 3_379_200 + 11 * 4096);
    assert!(disk[start..].starts_with(b"ElfFile"));
    let scene = Scene::new();
    scene.put("disk.vmdk", descriptor(&[start, end - start, disk.len() - end]).as_bytes());
    scene.put("disk-f001.vmdk", &disk[..start]);
    scene.put("disk-f003.vmdk", &disk[end..]);
    let swept = scene.sweep(&[]).expect(3);
    let rows = swept.rows("files");
    assert!(rows.iter().all(|row| row["status"] != "not an event log"), "{rows:?}");
    let damaged: Vec<&Value> = rows.iter().filter(|row| row["status"] == "damaged").collect();
    assert_eq!(damaged.len(), 1, "{rows:?}");
    let problems = damaged[0]["problems"].as_array().unwrap();
    assert!(problems.iter().all(|problem| problem["problem"].as_str().unwrap().contains("disk-f002.vmdk")));
    let ranges: Vec<_> = problems.iter().map(|problem| (&problem["offset"], &problem["length"])).collect();
    assert_eq!(ranges, [(&json!(0), &json!(4096)), (&json!(4096), &json!(10 * 4096))]);
    // All of its only chunk counts as damaged.
    let bytes = ["header_bytes", "damaged_bytes", "empty_bytes"].map(|column| damaged[0][column].clone());
    assert_eq!(bytes, [json!(4096), json!(65_536), json!(0)]);
}

/// Returns the rows of a table without the columns that say where something lies.
fn rows(swept: &FinishedSweep, table: &str) -> Vec<Value> {
    let mut rows = swept.rows(table);
    for row in &mut rows {
        for column in ["evidence", "source_path", "notes"] {
            row.as_object_mut().unwrap().remove(column);
        }
    }
    rows
}

/// The names and bytes of the files of a disk image, which a test puts into a folder of their own
/// and archives.
struct ImageFiles(Vec<(String, Vec<u8>)>);

impl ImageFiles {
    /// Splits the disk of the samples into the parts of a raw image, `FIN.001` and on.
    fn split() -> Self {
        let disk = disk();
        let parts = disk.chunks(disk.len() / 3 + 1).zip(1..);
        ImageFiles(parts.map(|(part, number)| (format!("FIN.{number:03}"), part.to_vec())).collect())
    }

    /// Splits the disk of the samples into flat extents of a VMDK image. In the order of names, the
    /// descriptor comes last.
    fn vmdk() -> Self {
        let disk = disk();
        let parts: Vec<&[u8]> = disk.chunks(2 << 20).collect();
        let sizes: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        let named =
            parts.iter().zip(1..).map(|(part, number)| (format!("disk-f{number:03}.vmdk"), part.to_vec()));
        let descriptor = ("disk.vmdk".to_owned(), descriptor(&sizes).into_bytes());
        ImageFiles(named.chain([descriptor]).collect())
    }

    /// Returns the files of an E01 image in four segments from the folder that `DNSWEEP_CONTAINERS`
    /// names; `None` without that variable.
    fn ewf() -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("DNSWEEP_CONTAINERS")?).join("made");
        let names = (1..=4).map(|number| format!("gpt-best.E0{number}"));
        Some(ImageFiles(names.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()))
    }

    /// Writes the image's files into the folder `folder` of a test's folder.
    fn write(&self, scene: &Scene, folder: &str) {
        fs::create_dir_all(scene.path(folder)).unwrap();
        for (name, bytes) in &self.0 {
            fs::write(scene.path(folder).join(name), bytes).unwrap();
        }
    }
}

#[test]
fn the_files_of_an_image_are_found_in_the_folder_of_an_archive() {
    for files in
        [Some(ImageFiles::split()), Some(ImageFiles::vmdk()), ImageFiles::ewf()].into_iter().flatten()
    {
        let scene = Scene::new();
        files.write(&scene, "hosts/FIN/in/a folder");
        // A file of another folder is not a file of the image.
        fs::create_dir_all(scene.path("hosts/FIN/other")).unwrap();
        fs::write(scene.path("hosts/FIN/other").join(&files.0[1].0), "x").unwrap();
        let expected = sweep(&[&scene.path("hosts")], &scene.path("plain"), &["--vss"]);
        assert!(expected.rows("matches").len() > 14);
        for kind in ["zip", "stored", "tar.gz"] {
            let archives = scene.path(kind);
            fs::create_dir_all(&archives).unwrap();
            let hosts = scene.path("hosts");
            make(&["hosts", hosts.to_str().unwrap(), archives.to_str().unwrap(), kind]);
            let out = scene.path(&format!("out-{kind}"));
            let swept = sweep(&[&archives], &out, &["--vss", "--threads", "2"]);
            let swept = swept.expect(expected.process.status);
            for table in ["matches", "hosts", "files"] {
                assert_eq!(rows(&swept, table), rows(&expected, table), "{kind} {table} {}", files.0[0].0);
            }
            let containers = swept.rows("containers");
            let parts = containers.iter().map(|row| row["parts"].as_array().unwrap().len()).max();
            assert_eq!(parts, Some(files.0.len() - 1), "{containers:?}");
            let source_path = containers[1]["source_path"].as_str().unwrap();
            let archive = if kind == "stored" { "zip" } else { kind };
            assert!(source_path.starts_with(&format!("FIN.{archive}!in/a folder/")), "{source_path}");
        }
    }
}

#[test]
fn a_missing_file_of_an_image_in_an_archive_takes_away_only_its_own_bytes() {
    let scene = Scene::new();
    let mut files = ImageFiles::split();
    files.0.remove(1);
    files.write(&scene, "hosts/FIN");
    make(&["hosts", scene.path("hosts").to_str().unwrap(), scene.evidence().to_str().unwrap(), "zip"]);
    let expected = sweep(&[&scene.path("hosts")], &scene.path("plain"), &[]).expect(3);
    let swept = scene.sweep(&[]).expect(3);
    assert_eq!(rows(&swept, "files"), rows(&expected, "files"));
    assert!(swept.rows("containers")[1]["problems"].to_string().contains("FIN.002"));
}
