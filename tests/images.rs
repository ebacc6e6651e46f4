//! Disk images: what libewf and QEMU read from them is what dnsweep reads.
//!
//! `DNSWEEP_CONTAINERS` names a folder of images. Each of them, and each in the repository, is
//! compared with what `ewfexport` or `qemu-img` makes of it. So are images of all kinds that
//! `ewfacquire` and `qemu-img` make of a disk with random, repeated and empty parts. Without that
//! variable the tests are ignored. `.ci/run` sets it if these programs are there.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that goes wrong fails loudly"
)]

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use dnsweep::internals::evidence::container::image::{self, Image, ImageError, ImageFormat, Siblings};
use dnsweep::internals::evidence::layer::{SharedSource, read_up_to};
use libtest_mimic::{Arguments, Failed, Trial};

const VARIABLE: &str = "DNSWEEP_CONTAINERS";

/// The number of bytes of a disk that are compared at a time.
const STEP: usize = 1 << 20;

struct Folder(PathBuf);

impl Siblings for Folder {
    fn open(&self, name: &str) -> io::Result<Option<SharedSource>> {
        let path = self.0.join(name);
        if path.is_file() { Ok(Some(Arc::new(fs::read(path)?))) } else { Ok(None) }
    }
}

fn open(path: &Path) -> Result<Image, ImageError> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let first: SharedSource = Arc::new(fs::read(path).unwrap());
    let format = ImageFormat::of(first.as_ref(), name).unwrap();
    image::open(format, first, name, &Folder(path.parent().unwrap().to_owned()))
}

/// Runs a program of the packages `ewf-tools` and `qemu-utils`.
fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<(), Failed> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// Compares the disk that dnsweep reads from an image with `raw`, the bytes that another program
/// made of the image: all of them in order, and ranges here and there on four threads.
fn compare(image: &Image, raw: &Path) -> Result<(), Failed> {
    if !image.problems.is_empty() {
        return Err(format!("problems: {:?}", image.problems).into());
    }
    let size = raw.metadata().unwrap().len();
    if image.disk.size() != size {
        return Err(format!("{} bytes where {size} are due", image.disk.size()).into());
    }
    let mut file = File::open(raw).unwrap();
    let mut expected = vec![0; STEP];
    for offset in (0..size).step_by(STEP) {
        let length = STEP.min(usize::try_from(size - offset).unwrap());
        file.read_exact(&mut expected[..length]).unwrap();
        if read_up_to(image.disk.as_ref(), offset, STEP).unwrap() != expected[..length] {
            return Err(format!("other bytes in the MiB at byte {offset}").into());
        }
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|seed| scope.spawn(move || compare_ranges(image, raw, seed))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap())
    })
}

fn compare_ranges(image: &Image, raw: &Path, seed: u64) -> Result<(), Failed> {
    use std::io::{Seek, SeekFrom};
    let mut file = File::open(raw).unwrap();
    let mut state = seed + 1;
    for _ in 0..200 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let offset = (state >> 16) % (image.disk.size() + 100);
        let length = usize::try_from(state >> 50).unwrap() * 5;
        let mut expected = Vec::new();
        file.seek(SeekFrom::Start(offset)).unwrap();
        Read::take(&mut file, length as u64).read_to_end(&mut expected).unwrap();
        if read_up_to(image.disk.as_ref(), offset, length).unwrap() != expected {
            return Err(format!("other bytes in the {length} from byte {offset} on").into());
        }
    }
    Ok(())
}

/// Compares the disk in a disk image with what another program makes of the image.
fn compare_fixture(path: &Path) -> Result<(), Failed> {
    let work = tempfile::tempdir().unwrap();
    let name = path.to_str().unwrap();
    let image = match open(path) {
        Err(ImageError::Unsupported(what)) if what.contains("differencing") => return Ok(()),
        image => image?,
    };
    if path.extension().is_some_and(|ending| ending == "E01") {
        run("ewfexport", &["-q", "-u", "-f", "raw", "-t", "disk", name], work.path())?;
    } else {
        run("qemu-img", &["convert", "-O", "raw", name, "disk.raw"], work.path())?;
    }
    compare(&image, &work.path().join("disk.raw"))
}

/// Returns a disk of some nine MiB. Its size is no multiple of the block size of any image format.
fn disk() -> Vec<u8> {
    let (mut bytes, mut state, mut part) = (Vec::new(), 5_u64, 0_usize);
    while bytes.len() < 9 << 20 {
        let length = [512, 4096, 32_768, 65_536, 153_600, 1 << 20][part % 6];
        match part % 5 {
            0 | 3 => bytes.extend((0..length).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_be_bytes()[0]
            })),
            1 => bytes.resize(bytes.len() + length, 0),
            2 => bytes.resize(bytes.len() + length, b'A'),
            _ => bytes.extend(b"the quick brown fox ".iter().cycle().take(length)),
        }
        part += 1;
    }
    bytes.truncate((9 << 20) + 5 * 512);
    bytes
}

/// Has a program make an image of a disk, and compares the disk that dnsweep reads from the image
/// with the original.
fn compare_made(program: &str, arguments: &[&str], image: &str) -> Result<(), Failed> {
    let work = tempfile::tempdir().unwrap();
    let raw = work.path().join("disk.raw");
    fs::write(&raw, disk()).unwrap();
    run(program, arguments, work.path())?;
    compare(&open(&work.path().join(image))?, &raw)
}

/// Returns the images that other programs make for the tests: a name, the program, its arguments,
/// and the image's first file.
fn made() -> Vec<(String, &'static str, Vec<String>, String)> {
    let mut made = Vec::new();
    for format in ["ewf", "smart", "ftk", "encase2", "encase5", "encase6", "linen6", "encase7", "ewfx"] {
        for packing in ["none", "empty-block", "fast", "best"] {
            for sectors in ["16", "64", "512"] {
                let ending = match format {
                    "smart" => "s01",
                    "ewf" | "ewfx" => "e01",
                    _ => "E01",
                };
                let words = format!(
                    "-q -u -c {packing} -b {sectors} -f {format} -S 1.5MiB -C c -D d -E e -e x -N n -t image disk.raw"
                );
                made.push((
                    format!("{format}, {packing}, {sectors} sectors"),
                    "ewfacquire",
                    words.split(' ').map(str::to_owned).collect(),
                    format!("image.{ending}"),
                ));
            }
        }
    }
    for (format, options) in [
        ("vpc", "subformat=dynamic,force_size=on"),
        ("vpc", "subformat=fixed,force_size=on"),
        ("vhdx", "subformat=dynamic,block_size=1M"),
        ("vhdx", "subformat=dynamic,block_size=32M"),
        ("vhdx", "subformat=fixed"),
        ("vmdk", "subformat=monolithicSparse"),
        ("vmdk", "subformat=monolithicFlat"),
        ("vmdk", "subformat=twoGbMaxExtentSparse"),
        ("vmdk", "subformat=twoGbMaxExtentFlat"),
        ("vmdk", "subformat=streamOptimized"),
        ("qcow2", "compat=0.10,cluster_size=512"),
        ("qcow2", "compat=1.1,cluster_size=64k"),
        ("qcow2", "compat=1.1,cluster_size=2M"),
        ("-c qcow2", "compat=0.10,cluster_size=64k"),
        ("-c qcow2", "compat=1.1,cluster_size=512"),
        ("-c qcow2", "compression_type=zstd,cluster_size=64k"),
    ] {
        let (packed, format) =
            format.split_once(' ').map_or(("", format), |(packed, format)| (packed, format));
        let image = format!("image.{format}");
        let words = format!("convert -f raw -O {format} -o {options} {packed} disk.raw {image}");
        let words = words.split_whitespace().map(str::to_owned).collect();
        made.push((format!("{format} {packed}, {options}"), "qemu-img", words, image));
    }
    made
}

/// Returns the paths of the disk images in a folder, in its folder `made`, and in the repository.
/// Of an image in several files, it is that of the first.
fn fixtures(folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let own = ["tests/containers/images", "samples/containers"]
        .map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    for folder in [folder.to_owned(), folder.join("made")].into_iter().chain(own) {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            if matches!(ending, Some("E01" | "qcow2" | "vhdx" | "vmdk")) {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths.dedup();
    paths
}

fn main() -> ExitCode {
    let folder = std::env::var_os(VARIABLE).map(PathBuf::from);
    let mut trials = Vec::new();
    for path in fixtures(folder.as_deref().unwrap_or(Path::new(""))) {
        let name = format!("reads {} as other programs do", path.display());
        trials.push(Trial::test(name, move || compare_fixture(&path)).with_ignored_flag(folder.is_none()));
    }
    for (name, program, arguments, image) in made() {
        let trial = move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            compare_made(program, &arguments, &image)
        };
        trials.push(Trial::test(format!("reads {name}"), trial).with_ignored_flag(folder.is_none()));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
