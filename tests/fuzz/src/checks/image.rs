//! Checks of any bytes as a disk image: it is refused, or its disk can be read at any offset. What
//! is read does not depend on how it is read, and problems lie on the disk.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use dnsweep::internals::evidence::container::image::{self, Image, ImageFormat, Siblings};
use dnsweep::internals::evidence::layer::{SharedSource, read_exact, read_up_to};

#[allow(dead_code, reason = "the reader's own tests make more of it")]
#[path = "../../../../src/evidence/container/image/tests/made.rs"]
mod made;

/// The files of an image that is made, by their names.
#[derive(Default)]
struct Folder(BTreeMap<String, Vec<u8>>);

/// A folder for a disk image of one file. The first few times that another file of the image is
/// asked for, by any name, it gives this file.
struct Echo {
    file: SharedSource,
    left: Cell<u8>,
}

impl Siblings for Echo {
    fn open(&self, _: &str) -> io::Result<Option<SharedSource>> {
        let Some(left) = self.left.get().checked_sub(1) else { return Ok(None) };
        self.left.set(left);
        Ok(Some(Arc::clone(&self.file)))
    }
}

/// The most bytes of an input that are used. More bytes would show nothing more.
const MOST_BYTES: usize = 32 << 10;
/// The signature with which a VHDX file begins.
const VHDX: &[u8] = b"vhdxfile";
/// The number of bytes that an input has for each part of a VHDX: the start of the part. The rest
/// of the part is zeros.
const PIECE: usize = 256;
/// Where the parts of a VHDX lie: two headers, the table of regions, the metadata's table and its
/// items, the table of blocks, and the first block.
const PARTS: [usize; 7] = [64 << 10, 128 << 10, 192 << 10, 1 << 20, (1 << 20) + (64 << 10), 2 << 20, 3 << 20];
/// The size in bytes of the VHDX file that an input is expanded to.
const VHDX_SIZE: usize = 4 << 20;

/// Reads the input as the file of a VHD, VMDK, QCOW2, split or raw image. Its checksums are made
/// right. An input with the signature of a VHDX is expanded first, because it has only the starts
/// of the file's parts.
pub fn check(data: &[u8]) {
    let data = &data[..data.len().min(MOST_BYTES)];
    read(if data.starts_with(VHDX) { vhdx(data) } else { data.to_vec() });
}

/// Reads the input as the only segment of an E01 or an Ex01 image. The signature and the checksums
/// are made right; otherwise a fuzzer's changes would never get further than those.
pub fn check_ewf(data: &[u8]) {
    let mut bytes = data[..data.len().min(MOST_BYTES)].to_vec();
    if !bytes.starts_with(b"EVF2\x0d\x0a\x81\x00")
        && let Some(head) = bytes.get_mut(..13)
    {
        head.copy_from_slice(b"EVF\x09\x0d\x0a\xff\x00\x01\x01\x00\x00\x00");
    }
    read(bytes);
}

/// Expands an input to a VHDX file. The input has the starts of the file's parts.
fn vhdx(data: &[u8]) -> Vec<u8> {
    let mut bytes = VHDX.to_vec();
    bytes.resize(VHDX_SIZE, 0);
    for (at, piece) in PARTS.into_iter().zip(data[VHDX.len()..].chunks(PIECE)) {
        bytes[at..at + piece.len()].copy_from_slice(piece);
    }
    bytes
}

/// Returns the input that [`vhdx`] expands to a VHDX file like `bytes`.
fn starts_of_parts(bytes: &[u8]) -> Vec<u8> {
    let parts = PARTS.into_iter().flat_map(|at| &bytes[at..at + PIECE]);
    VHDX.iter().chain(parts).copied().collect()
}

fn read(mut bytes: Vec<u8>) {
    made::put_sums(&mut bytes);
    let first: SharedSource = Arc::new(bytes);
    let format = ImageFormat::of(first.as_ref(), "image.001").expect("all can be read");
    let folder = Echo { file: Arc::clone(&first), left: Cell::new(3) };
    match image::open(format, first, "image.001", &folder) {
        Ok(image) => disk_agrees_with_itself(&image),
        Err(error) => assert!(error.to_string().len() < 4096, "{error}"),
    }
}

fn disk_agrees_with_itself(image: &Image) {
    let (disk, size) = (image.disk.as_ref(), image.disk.size());
    for problem in &image.problems {
        assert!(problem.to_string().len() < 4096, "{problem}");
        let range = problem.range.clone().unwrap_or_default();
        assert!(range.start <= range.end && range.end <= size, "{problem}");
        if !range.is_empty() {
            assert!(read_exact(disk, range.start, 1).is_err(), "the first byte is read: {problem}");
            assert!(read_exact(disk, range.end - 1, 1).is_err(), "the last byte is read: {problem}");
        }
    }
    for range in &image.facts.unread_at_acquisition {
        assert!(range.start < range.end && range.end <= size, "{range:?} of {size} bytes");
    }
    for offset in [0, 1, 511, 65_536, size / 2, size.saturating_sub(3), size, u64::MAX] {
        let whole = read_up_to(disk, offset, 70_000);
        let due = size.saturating_sub(offset).min(70_000);
        let mut pieces = Some(Vec::new());
        for at in (0..due).step_by(1000) {
            let wanted = (due - at).min(1000);
            match read_exact(disk, offset + at, usize::try_from(wanted).unwrap_or(0)) {
                Ok(piece) => pieces.iter_mut().for_each(|bytes| bytes.extend(&piece)),
                Err(_) => pieces = None,
            }
        }
        assert!(whole.ok() == pieces, "{due} bytes at {offset} in one read and in several");
    }
}

/// Returns the inputs with which fuzzing of disk images begins: the target, a name, and the bytes.
pub fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let (small, disk) = (made::disk(3000), made::disk(9000));
    let only = |folder: Folder| folder.0.into_values().next().unwrap_or_default();
    vec![
        ("ewf", "e01", only(made::e01(&disk, 1))),
        ("ewf", "ex01", only(made::ex01(&disk, 1))),
        ("ewf", "first-of-two", only(made::e01(&disk, 2))),
        ("image", "vhd-fixed", made::fixed_vhd(&small)),
        ("image", "vhd-dynamic", made::dynamic_vhd(&small, 3)),
        ("image", "vhd-differencing", made::dynamic_vhd(&small, 4)),
        ("image", "vhdx", starts_of_parts(&made::a_vhdx(&disk, 0, false))),
        ("image", "vhdx-open", starts_of_parts(&made::a_vhdx(&disk, 0, true))),
        ("image", "vmdk", made::vmdk(&small, false)),
        ("image", "vmdk-packed", made::vmdk(&disk, true)),
        ("image", "vmdk-text", VMDK.as_bytes().to_vec()),
        ("image", "qcow2", made::qcow2(&small, 0)),
        ("image", "split", small),
    ]
}

/// Returns a QCOW2 image of a disk that is an NTFS volume with two files. The image leaves out most
/// of the disk's clusters, because they are zeros.
pub fn qcow2_with_volume() -> Vec<u8> {
    made::qcow2(&super::volume::with_files(), 0)
}

/// The descriptor of a VMDK image in several files. The check gives this text as each of these
/// files.
const VMDK: &str = r#"# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="twoGbMaxExtentFlat"

RW 1 FLAT "image-f001.vmdk" 0
RW 2 ZERO
RW 1 FLAT "image-f002.vmdk" 0
RW 8 SPARSE "image-s003.vmdk"
ddb.adapterType = "ide"
"#;
