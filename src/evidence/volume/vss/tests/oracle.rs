//! Compares snapshots with those that libvshadow reads: on volumes that Windows made, on those of
//! the repository, and on random ones that the tests make.
//!
//! Nothing is compared unless the environment variable `DNSWEEP_CONTAINERS` is set, to a folder
//! that can have a volume that Windows made. Then `qemu-img`, `ewfexport`, and `libvshadow-python`
//! from PyPI are needed. `.ci/run` sets the variable if these programs are installed.

use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sha2::{Digest, Sha256};

use super::image::any_image;
use crate::evidence::layer::{SharedSource, Slice, Source, read_exact};
use crate::evidence::source::LogBytes;
use crate::evidence::volume::vss::ShadowCopies;

/// A Python program that reads snapshots by libvshadow. Each line of its input names bytes of a
/// snapshot; for each, it prints the facts of the snapshot and the SHA-256 of the bytes.
const ORACLE: &str = "
import sys, hashlib, pyvshadow
volume, opened = None, None
for line in sys.stdin:
    path, number, offset, length = line.rstrip('\\n').split('\\t')
    if opened != path:
        volume, opened = pyvshadow.volume(), path
        volume.open(path)
    store, offset, end = volume.get_store(int(number) - 1), int(offset), int(offset) + int(length)
    sha256 = hashlib.sha256()
    while offset < end:
        part = store.read_buffer_at_offset(min(1 << 20, end - offset), offset)
        sha256.update(part)
        offset += len(part)
    print(volume.number_of_stores, store.identifier, store.copy_identifier, store.get_creation_time_as_integer(), store.size, sha256.hexdigest())
";

/// A file as a source of bytes, which is read where it lies.
struct Raw(File);

impl LogBytes for Raw {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read_at(&mut buffer[filled..], offset + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }
}

impl Source for Raw {
    fn size(&self) -> u64 {
        self.0.metadata().unwrap().len()
    }
}

fn open(path: &Path) -> SharedSource {
    Arc::new(Raw(File::open(path).unwrap()))
}

/// Returns the folder that can have more disk images for the comparison with libvshadow, or `None`
/// if nothing is to be compared.
fn fixtures() -> Option<PathBuf> {
    env::var_os("DNSWEEP_CONTAINERS").map(PathBuf::from)
}

/// Unpacks the image of a volume that Windows made to a file in `folder`, and returns the file's
/// path. Returns `None` if there is no such image, or if nothing is to be compared with libvshadow.
fn made_by_windows(folder: &Path) -> Option<PathBuf> {
    let (image, raw) = (fixtures()?.join("vsstest.qcow2"), folder.join("volume.raw"));
    if !image.is_file() {
        return None;
    }
    run(Command::new("qemu-img").args(["convert", "-O", "raw"]).arg(image).arg(&raw));
    Some(raw)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A range of bytes of a snapshot: the number of the snapshot, the offset and the length.
type Part = (usize, u64, u64);

/// Returns a line for each part of a snapshot, with the facts of the snapshot and the SHA-256 of
/// the part, as libvshadow reads them.
fn theirs(volume: &Path, parts: &[Part]) -> Vec<String> {
    let mut python = Command::new("python3")
        .args(["-c", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = String::new();
    for (number, offset, length) in parts {
        writeln!(input, "{}\t{number}\t{offset}\t{length}", volume.display()).unwrap();
    }
    let mut stdin = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Returns a line for each part of a snapshot, with the facts of the snapshot and the SHA-256 of
/// the part, as dnsweep reads them. The lines have the form of those of [`theirs`].
fn ours(copies: &ShadowCopies, parts: &[Part]) -> Vec<String> {
    let of = |(number, offset, length): &Part| {
        let (snapshot, mut sha256) = (copies.snapshot(*number).unwrap(), Sha256::new());
        let (mut offset, end) = (*offset, offset + length);
        while offset < end {
            let wanted = usize::try_from((end - offset).min(1 << 20)).unwrap();
            sha256.update(read_exact(&*snapshot, offset, wanted).unwrap());
            offset += wanted as u64;
        }
        let mut hash = String::new();
        for byte in sha256.finalize() {
            write!(hash, "{byte:02x}").unwrap();
        }
        let copy = &copies.listed()[number - 1];
        let copy_id = copy.copy_id.unwrap();
        format!("{} {} {copy_id} {} {} {hash}", copies.listed().len(), copy.id, copy.created, copy.size)
    };
    parts.iter().map(of).collect()
}

/// Compares the snapshots of a volume, as dnsweep reads them, with those that libvshadow reads:
/// each as a whole, and in many parts.
fn compare(volume: &Path) {
    let copies = ShadowCopies::read(&open(volume)).unwrap().unwrap();
    assert_eq!((copies.catalog_problems(), copies.problems(1)), (&[][..], vec![]));
    let mut parts = Vec::new();
    for copy in copies.listed() {
        parts.push((copy.number, 0, copy.size));
        let mut state = 12_345 + copy.number as u64;
        for round in 0..3000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Three of four where blocks are kept.
            let end = if round % 4 == 0 { copy.size } else { copy.size / 8 };
            let (offset, length) = ((state >> 11) % end, (state >> 7) % 70_000);
            parts.push((copy.number, offset, length.min(copy.size - offset)));
        }
    }
    assert_eq!(ours(&copies, &parts), theirs(volume, &parts));
}

#[test]
fn snapshots_of_a_volume_made_by_windows_are_libvshadows() {
    let folder = tempfile::tempdir().unwrap();
    let Some(raw) = made_by_windows(folder.path()) else { return };
    compare(&raw);
    let copies = ShadowCopies::read(&open(&raw)).unwrap().unwrap();
    let [first, second] = copies.listed() else { panic!("two snapshots") };
    assert_eq!(first.machine.as_deref(), Some("infinity"));
    assert_eq!(second.copy_id.unwrap().to_string(), "18f1ac6e-959d-436f-bdcc-e797a729e290");
    let whole: Vec<String> = ours(&copies, &[(1, 0, first.size), (2, 0, second.size)]);
    assert!(whole[0].contains(" c8ada35c641a6844") && whole[1].contains(" 41f940d92a534dd8"), "{whole:?}");
}

#[test]
fn snapshots_of_a_partition_of_an_image_are_libvshadows() {
    if fixtures().is_none() {
        return;
    }
    let images = [
        ("tests/containers/images/vss-mbr.E01", 2048 * 512, 49152 * 512),
        ("samples/containers/FIN-WS07.E01", 1 << 20, 6 << 20),
    ];
    for (image, start, size) in images {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("disk");
        run(Command::new("ewfexport")
            .args(["-q", "-u", "-f", "raw", "-t"])
            .arg(&target)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(image))
            .stdin(Stdio::null()));
        let partition = Slice::new(open(&target.with_extension("raw")), start, size);
        let volume = folder.path().join("volume.raw");
        fs::write(&volume, read_exact(&partition, 0, usize::try_from(size).unwrap()).unwrap()).unwrap();
        compare(&volume);
    }
}

/// A volume over which `numbers` are written, each at an offset, so that it is damaged there.
struct Patched {
    below: SharedSource,
    numbers: Vec<(u64, u64)>,
}

impl LogBytes for Patched {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.below.read_at(offset, buffer)?;
        for (place, number) in &self.numbers {
            for (at, byte) in (*place..).zip(number.to_le_bytes()) {
                if let Some(to) =
                    at.checked_sub(offset).and_then(|at| buffer[..read].get_mut(usize::try_from(at).unwrap()))
                {
                    *to = byte;
                }
            }
        }
        Ok(read)
    }
}

impl Source for Patched {
    fn size(&self) -> u64 {
        self.below.size()
    }
}

#[test]
fn a_damaged_volume_made_by_windows_is_read_to_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let Some(raw) = made_by_windows(folder.path()) else { return };
    let volume = open(&raw);
    // The header, the catalog, and the older and newer store: headers, block lists, ranges,
    // bitmaps.
    let structures = [0x1e00, 0x06e3_0000, 0x3156_0000, 0x3156_4000, 0x3156_c000].into_iter().chain([
        0x06e4_0000,
        0x06e4_4000,
        0x06e5_0000,
        0x06e5_4000,
    ]);
    let structures: Vec<u64> = structures.collect();
    let place = (prop::sample::select(structures.clone()), 0..80_u64).prop_map(|(at, word)| at + 8 * word);
    let number = prop_oneof![
        prop::sample::select(structures),
        (0..1_u64 << 16).prop_map(|block| block * 16384),
        any::<u64>(),
        0..10_u64
    ];
    let (mut runner, mut incomplete) = (TestRunner::deterministic(), 0);
    for _ in 0..200 {
        let numbers = prop::collection::vec((place.clone(), number.clone()), 1..8);
        let numbers = numbers.new_tree(&mut runner).unwrap().current();
        let patched: SharedSource = Arc::new(Patched { below: volume.clone(), numbers });
        let Some(copies) = ShadowCopies::read(&patched).unwrap() else { continue };
        for copy in copies.listed() {
            assert!(copy.size <= volume.size());
            incomplete += usize::from(!copies.problems(copy.number).is_empty());
            let Ok(snapshot) = copies.snapshot(copy.number) else { continue };
            for at in (0x1400_0000..0x1480_0000).step_by(1 << 20).take_while(|at| at + (1 << 20) < copy.size)
            {
                let mut bytes = vec![0; 1 << 20];
                assert!(
                    snapshot.read_at(at, &mut bytes).is_ok_and(|read| read == 1 << 20)
                        || !copies.problems(copy.number).is_empty()
                );
                let _ = copies.is_changed(copy.number, at..at + (1 << 20));
            }
        }
    }
    assert!(incomplete > 50, "{incomplete}");
}

#[test]
fn snapshots_of_any_volume_are_libvshadows() {
    if fixtures().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut runner = TestRunner::deterministic();
    for number in 0..env::var("DNSWEEP_VSS_IMAGES").map_or(40, |count| count.parse().unwrap()) {
        let image = any_image().new_tree(&mut runner).unwrap().current();
        let path = folder.path().join(format!("{number}.raw"));
        let bytes = image.bytes();
        fs::write(&path, &bytes).unwrap();
        let copies = ShadowCopies::read(&open(&path)).unwrap().unwrap();
        let mut parts = Vec::new();
        for number in 1..=image.stores.len() {
            parts.push((number, 0, image.size));
            parts.extend((0..image.size).step_by(16384).map(|at| (number, at, (image.size - at).min(16384))));
        }
        let (ours, theirs) = (ours(&copies, &parts), theirs(&path, &parts));
        for ((ours, theirs), part) in ours.iter().zip(&theirs).zip(&parts) {
            assert_eq!(ours, theirs, "{part:?} of image {number}: {image:#?}");
        }
        fs::remove_file(path).unwrap();
    }
}
