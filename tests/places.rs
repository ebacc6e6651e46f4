//! Tests that evidence gives the same answer wherever it lies: in folders, in an archive for each
//! host, in an image of a disk in an archive, in an E01 image of a disk with a GPT, or in a shadow
//! copy.
//!
//! NTFS volumes are made by `mkntfs` and `ntfscp` (Debian's ntfs-3g), images by `qemu-img`
//! (qemu-utils) and `ewfacquire` (ewf-tools). Where one of these programs is not installed, the
//! tests that need it are listed as ignored. The test of an image that others made is ignored if
//! `DNSWEEP_CONTAINERS` does not name the folder of the image.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that goes wrong fails loudly"
)]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use common::containers::{disk, make};
use common::{FinishedSweep, Scene, repository, sweep};
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};

/// The size in bytes of the NTFS volume on which the logs of a host lie.
const VOLUME: usize = 12 << 20;
/// The offset in bytes of the only partition on a disk with a GPT.
const PARTITION: usize = 1 << 20;
/// The size of a block of shadow copies, in bytes.
const BLOCK: usize = 16_384;
/// The time at which the shadow copies were made, as a FILETIME: 2025-03-04 22:00 UTC.
const CREATED: u64 = 133_855_992_000_000_000;
/// The bytes with which each structure of shadow copies begins.
const STRUCTURE: [u8; 16] =
    [0x6b, 0x87, 0x08, 0x38, 0x76, 0xc1, 0x48, 0x4e, 0xb7, 0xae, 0x04, 0x04, 0x6e, 0x6c, 0xc7, 0x52];

/// A test: its name, the programs that it needs, and the function that it is.
type Test = (&'static str, &'static [&'static str], fn());

fn main() -> ExitCode {
    let tests: [Test; 5] = [
        ("a_zip_of_each_host", &[], zips),
        ("a_vhdx_of_each_host_in_a_zip", &["mkntfs", "ntfscp", "qemu-img"], vhdx_in_zips),
        ("an_e01_with_a_gpt_of_each_host", &["mkntfs", "ntfscp", "ewfacquire"], e01_with_gpt),
        ("a_shadow_copy_of_each_host", &["mkntfs", "ntfscp"], shadow_copies),
        ("images_of_several_files_on_a_volume", &["mkntfs", "ntfscp"], images_on_a_volume),
    ];
    let fixtures = std::env::var_os("DNSWEEP_CONTAINERS");
    let is_ignored = fixtures.is_none();
    let by_others = Trial::test("shadow_copies_as_other_programs_read_them", move || {
        known_shadow_copies(&PathBuf::from(fixtures.unwrap()).join("made/vss-mbr.E01"));
        Ok(())
    });
    let trials = tests.map(|(name, programs, test)| {
        let missing: Vec<&str> = programs.iter().copied().filter(|program| !is_installed(program)).collect();
        let reason = if missing.is_empty() {
            String::new()
        } else {
            format!(" (not installed: {})", missing.join(", "))
        };
        let trial = Trial::test(format!("{name}{reason}"), move || {
            test();
            Ok(())
        });
        trial.with_ignored_flag(!missing.is_empty())
    });
    let trials = trials.into_iter().chain([by_others.with_ignored_flag(is_ignored)]);
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn is_installed(program: &str) -> bool {
    let run = Command::new(program).arg("--help").stdin(Stdio::null()).output();
    run.is_ok()
}

/// Runs a program in a folder. Fails the test if the program fails.
fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    let output = command.args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Returns the folders of the hosts in the samples, sorted.
fn hosts() -> Vec<PathBuf> {
    let entries = fs::read_dir(repository("samples/evidence")).unwrap();
    let mut hosts: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    hosts.retain(|path| path.is_dir());
    hosts.sort();
    hosts
}

fn name_of(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Returns the paths of the files in a host's folder and its subfolders, sorted.
fn files_of(host: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![host.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// Makes a file with an empty NTFS volume. All test volumes are copies of it, so that only the
/// files in them differ.
fn empty_volume(folder: &Path, size: usize) -> PathBuf {
    let path = folder.join("empty");
    fs::write(&path, vec![0; size]).unwrap();
    run(
        folder,
        "mkntfs",
        &["-F", "-Q", "-q", "-s", "512", "-c", "4096", "-p", "0", "-H", "0", "-S", "0", "empty"],
    );
    path
}

/// Returns the bytes of an NTFS volume that has these files in its root. `empty` is the path of an
/// empty volume.
fn volume(folder: &Path, empty: &Path, files: &[PathBuf]) -> Vec<u8> {
    let path = folder.join("volume");
    fs::copy(empty, &path).unwrap();
    for file in files {
        run(folder, "ntfscp", &["-f", "-q", "volume", file.to_str().unwrap(), name_of(file)]);
    }
    fs::read(path).unwrap()
}

/// Makes an NTFS volume with the logs of each host of the samples. Calls `place` with the test's
/// working folder, the name of the host and its volume, to make evidence of them.
fn for_each_host(scene: &Scene, mut place: impl FnMut(&Path, &str, Vec<u8>)) {
    let work = scene.path("work");
    fs::create_dir_all(&work).unwrap();
    let empty = empty_volume(&work, VOLUME);
    for host in hosts() {
        let bytes = volume(&work, &empty, &files_of(&host));
        place(&work, name_of(&host), bytes);
    }
}

/// Returns the rows of a table without the columns that say where a file lies.
fn rows(swept: &FinishedSweep, table: &str) -> Vec<Value> {
    let mut rows = swept.rows(table);
    for row in &mut rows {
        for column in ["source_path", "original_path", "snapshot_time"] {
            row.as_object_mut().unwrap().remove(column);
        }
    }
    rows
}

fn stats(swept: &FinishedSweep) -> String {
    let stats = fs::read_dir(swept.out.join("stats")).unwrap().next().unwrap().unwrap();
    format!("stats/{}", stats.path().file_stem().unwrap().to_str().unwrap())
}

/// Sweeps a test's evidence, and compares its tables with those of the samples in plain folders.
fn compare(scene: &Scene, options: &[&str]) -> FinishedSweep {
    let folders = sweep(&[&repository("samples/evidence")], &scene.path("folders"), &["--hash"]).expect(0);
    let options = [&["--hash"], options].concat();
    let swept = scene.sweep(&options).expect(0);
    assert!(folders.rows("matches").len() > 12 && folders.rows("hosts").len() > 7);
    for table in ["matches", "hosts", "files", &stats(&folders)] {
        let (found, expected) = (rows(&swept, table), rows(&folders, table));
        assert_eq!(found.len(), expected.len(), "{table}: {found:#?}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{table}");
        }
    }
    swept
}

fn zips() {
    let scene = Scene::new();
    let evidence = repository("samples/evidence");
    make(&["hosts", evidence.to_str().unwrap(), scene.evidence().to_str().unwrap(), "zip"]);
    compare(&scene, &[]);
}

fn vhdx_in_zips() {
    let scene = Scene::new();
    for_each_host(&scene, |work, host, volume| {
        fs::write(work.join("disk.raw"), volume).unwrap();
        let folder = scene.path("images").join(host);
        fs::create_dir_all(&folder).unwrap();
        let image = folder.join("C.vhdx");
        run(work, "qemu-img", &["convert", "-f", "raw", "-O", "vhdx", "disk.raw", image.to_str().unwrap()]);
    });
    let (images, evidence) = (scene.path("images"), scene.evidence());
    make(&["hosts", images.to_str().unwrap(), evidence.to_str().unwrap(), "zip"]);
    let swept = compare(&scene, &[]);
    let path = swept.rows("files")[0]["source_path"].clone();
    assert_eq!(path, "COL-SRV02.zip!C.vhdx!ForwardedEvents.evtx");
}

/// Returns a disk with a GPT whose only partition is `volume`.
fn with_gpt(volume: &[u8]) -> Vec<u8> {
    let (first, count) = (PARTITION / 512, volume.len() / 512);
    let sectors = first + count + first;
    let mut disk = vec![0; sectors * 512];
    disk[PARTITION..PARTITION + volume.len()].copy_from_slice(volume);
    // The protective MBR.
    disk[446 + 4] = 0xEE;
    disk[446 + 8..446 + 16]
        .copy_from_slice(&[1_u32, u32::try_from(sectors - 1).unwrap()].map(u32::to_le_bytes).concat());
    disk[510..512].copy_from_slice(&[0x55, 0xAA]);
    let mut entries = vec![0; 128 * 128];
    // The type of a basic data partition.
    entries[..16].copy_from_slice(&[
        0xA2, 0xA0, 0xD0, 0xEB, 0xE5, 0xB9, 0x33, 0x44, 0x87, 0xC0, 0x68, 0xB6, 0xB7, 0x26, 0x99, 0xC7,
    ]);
    entries[16..32].fill(7);
    let (start, end) = (first as u64, (first + count - 1) as u64);
    entries[32..48].copy_from_slice(&[start, end].map(u64::to_le_bytes).concat());
    // The header and its copy, with the entries after the one and before the other.
    for (own, other, of_entries) in [(1, sectors - 1, 2), (sectors - 1, 1, sectors - 33)] {
        let mut header = b"EFI PART\0\0\x01\0\x5c\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        for place in [own, other, 34, sectors - 34] {
            header.extend((place as u64).to_le_bytes());
        }
        header.extend([9; 16]);
        header.extend((of_entries as u64).to_le_bytes());
        for number in [128, 128, crc32fast::hash(&entries)] {
            header.extend(number.to_le_bytes());
        }
        let checksum = crc32fast::hash(&header);
        header[16..20].copy_from_slice(&checksum.to_le_bytes());
        disk[own * 512..own * 512 + header.len()].copy_from_slice(&header);
        disk[of_entries * 512..of_entries * 512 + entries.len()].copy_from_slice(&entries);
    }
    disk
}

fn e01_with_gpt() {
    let scene = Scene::new();
    for_each_host(&scene, |work, host, volume| {
        fs::write(work.join("disk.raw"), with_gpt(&volume)).unwrap();
        let target = scene.evidence().join(host);
        let words = "-q -u -c none -b 64 -f encase6 -S 4MiB -C c -D d -E e -e x -N n -t";
        let arguments: Vec<&str> = words.split(' ').chain([target.to_str().unwrap(), "disk.raw"]).collect();
        run(work, "ewfacquire", &arguments);
    });
    let swept = compare(&scene, &[]);
    let path = swept.rows("files")[0]["source_path"].clone();
    assert_eq!(path, "COL-SRV02.E01!p1/ForwardedEvents.evtx");
    let containers = swept.rows("containers");
    assert_eq!(containers[0]["parts"].as_array().unwrap().len(), 3, "{}", containers[0]);
    assert!(containers.iter().all(|row| row["status"] == "read"), "{containers:#?}");
}

/// Returns a structure of the type `kind` of a volume's shadow copies, which lies at offset `at`:
/// its header, and the content after it.
fn structure(kind: u32, at: usize, content: &[u8]) -> Vec<u8> {
    let mut bytes = STRUCTURE.to_vec();
    bytes.extend([1, kind].map(u32::to_le_bytes).concat());
    bytes.extend([0, at as u64, 0, 0].map(u64::to_le_bytes).concat());
    bytes.resize(128, 0);
    bytes.extend(content);
    assert!(bytes.len() <= BLOCK);
    bytes.resize(BLOCK, 0);
    bytes
}

/// Returns the volume `live` with a shadow copy of its earlier state `before`. The blocks that the
/// shadow copy keeps lie after the end of the file system.
fn with_shadow_copy(live: &[u8], before: &[u8]) -> Vec<u8> {
    let starts = (0..live.len()).step_by(BLOCK);
    let changed: Vec<usize> =
        starts.filter(|at| live[*at..*at + BLOCK] != before[*at..*at + BLOCK]).collect();
    let [catalog, list, header, bitmap, kept] = [0, 1, 2, 3, 4].map(|number| live.len() + number * BLOCK);
    let size = kept + changed.len() * BLOCK;
    let mut volume = live.to_vec();
    volume.resize(size, 0);
    let mut put = |at: usize, bytes: &[u8]| volume[at..at + bytes.len()].copy_from_slice(bytes);
    let mut of_volume = structure(1, 0x1e00, &[]);
    of_volume[32..56].copy_from_slice(&[0x1e00, 0, catalog as u64].map(u64::to_le_bytes).concat());
    put(0x1e00, &of_volume[..512]);
    let id = [0xC7_u8; 16];
    let entry = |first: [u64; 2], rest: &[u64]| {
        let mut entry = [first.map(u64::to_le_bytes).concat(), id.to_vec()].concat();
        entry.extend(rest.iter().flat_map(|number| number.to_le_bytes()));
        entry.resize(128, 0);
        entry
    };
    let places = [header, 0, bitmap, 0, 0x4000, 0, 1].map(|place| place as u64);
    let entries = [entry([2, size as u64], &[1, 0x40, CREATED]), entry([3, list as u64], &places)].concat();
    put(catalog, &structure(2, catalog, &entries));
    put(header, &structure(4, header, &[]));
    put(bitmap, &structure(6, bitmap, &[]));
    let mut blocks = Vec::new();
    for (number, original) in changed.iter().enumerate() {
        let at = kept + number * BLOCK;
        put(at, &before[*original..*original + BLOCK]);
        blocks.extend([*original, 0, at, 0].map(|place| (place as u64).to_le_bytes()).concat());
    }
    put(list, &structure(3, list, &blocks));
    volume
}

/// The logs of each host lie in a shadow copy of a volume that is empty now, so that all logs are
/// those of the shadow copies.
fn shadow_copies() {
    let scene = Scene::new();
    let empty = scene.path("work").join("empty");
    for_each_host(&scene, |_, host, volume| {
        let live = fs::read(&empty).unwrap();
        fs::write(scene.evidence().join(format!("{host}.raw")), with_shadow_copy(&live, &volume)).unwrap();
    });
    let swept = compare(&scene, &["--vss"]);
    let row = swept.rows("files").remove(0);
    assert_eq!(row["source_path"], "COL-SRV02.raw!@vss1/ForwardedEvents.evtx");
    let times = [swept.column("files", "snapshot_time"), swept.column("matches", "snapshot_time")].concat();
    assert!(times.iter().all(|time| *time == json!(1_741_125_600_000_000_u64)), "{times:?}");
}

/// The logs of an image with two shadow copies: the volume, the file name, and the first digits of
/// the SHA-256, by the Sleuth Kit and libvshadow. The log without digits is unchanged, so dnsweep
/// does not hash it.
const KNOWN: [(&str, &str, &str); 9] = [
    ("p1", "Application.evtx", "1562c0bb2db76fbf"),
    ("p1", "Microsoft-Windows-Sysmon%4Operational.evtx", "3f2cbcce4975dc0f"),
    ("p1@vss2", "Security.evtx", "d79dda8a4101c1c1"),
    ("p1@vss2", "Second.evtx", "1e0f2745cfc141e8"),
    ("p1@vss2", "Microsoft-Windows-Sysmon%4Operational.evtx", "62889c9686cf97e7"),
    ("p1@vss1", "Security.evtx", ""),
    ("p1@vss1", "System.evtx", "445b25d7f2d62471"),
    ("p1@vss1", "Microsoft-Windows-Sysmon%4Operational.evtx", "8e4457e4a19bb1aa"),
    ("p1", "Second.evtx@mft74", "1e0f2745cfc141e8"),
];

fn known_shadow_copies(image: &Path) {
    let scene = Scene::new();
    let swept = sweep(&[image], &scene.out(), &["--vss", "--hash"]);
    // Its second partition is no NTFS volume.
    let swept = swept.expect(3);
    let found: Vec<(String, String)> = swept
        .rows("files")
        .iter()
        .map(|row| {
            let sha256 = row["sha256"].as_str().unwrap_or_default();
            (row["source_path"].as_str().unwrap().to_owned(), sha256.chars().take(16).collect())
        })
        .collect();
    let path = |volume: &str, name: &str| format!("vss-mbr.E01!{volume}/Windows/System32/winevt/Logs/{name}");
    let expected: Vec<(String, String)> =
        KNOWN.iter().map(|(volume, name, sha256)| (path(volume, name), (*sha256).to_owned())).collect();
    assert_eq!(found, expected);
}

/// A volume contains the files of a split image and of one in several extents, both of the disk of
/// the samples. A sweep finds the logs in both.
fn images_on_a_volume() {
    let scene = Scene::new();
    let (work, bytes) = (scene.path("work"), disk());
    fs::create_dir_all(&work).unwrap();
    let parts: Vec<&[u8]> = bytes.chunks(2 << 20).collect();
    let mut descriptor = "# Disk DescriptorFile\nversion=1\nparentCID=ffffffff\n\n".to_owned();
    let mut files = Vec::new();
    for (part, number) in parts.iter().zip(1..) {
        let extent = format!("split!-s{number:03}.vmdk");
        writeln!(descriptor, "RW {} FLAT \"{extent}\" 0", part.len() / 512).unwrap();
        for name in [extent, format!("parts!.{number:03}")] {
            fs::write(work.join(&name), part).unwrap();
            files.push(work.join(name));
        }
    }
    // The first file of an image need not come first.
    fs::write(work.join("split!.vmdk"), descriptor).unwrap();
    files.push(work.join("split!.vmdk"));
    let empty = empty_volume(&work, 32 << 20);
    scene.put("DISK.raw", &volume(&work, &empty, &files));
    let swept = scene.sweep(&[]).expect(0);
    scene.put("plain/FIN.raw", &bytes);
    let plain = sweep(&[&scene.evidence().join("plain")], &scene.path("plain"), &[]).expect(0);
    let found = swept.rows("files");
    for image in ["split\\x21.vmdk", "parts\\x21.001"] {
        let of_image = |row: &Value| row["source_path"].as_str().unwrap().contains(&format!("!{image}!"));
        let mut found: Vec<Value> = found.iter().filter(|row| of_image(row)).cloned().collect();
        let mut expected = plain.rows("files");
        for row in found.iter_mut().chain(&mut expected) {
            for column in ["evidence", "source_path"] {
                row.as_object_mut().unwrap().remove(column);
            }
        }
        assert_eq!(found, expected, "{image}");
    }
    assert_eq!(found.len(), 2 * plain.rows("files").len());
    let containers = swept.rows("containers");
    assert!(containers.iter().all(|row| row["status"] != "partly"), "{containers:#?}");
    let parts = containers.iter().map(|row| row["parts"].as_array().unwrap().len());
    assert_eq!(parts.sum::<usize>(), 2 * parts_of(&bytes) - 1, "{containers:#?}");
}

/// Returns the number of parts of two MiB into which a disk is split.
fn parts_of(disk: &[u8]) -> usize {
    disk.len().div_ceil(2 << 20)
}
