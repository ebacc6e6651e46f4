//! Tests that compare images with the disk that they are made of: sound images, images with missing
//! or damaged parts, and images with bytes changed at random.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use proptest::prelude::*;

use super::*;

mod ewf;
mod made;

/// A folder of files in memory, each by its name. Tests open disk images from it.
#[derive(Default, Clone)]
struct Folder(BTreeMap<String, Vec<u8>>);

impl Siblings for Folder {
    fn open(&self, name: &str) -> io::Result<Option<SharedSource>> {
        assert!(!name.contains('/'), "{name}");
        Ok(self.0.get(name).map(|bytes| Arc::new(bytes.clone()) as SharedSource))
    }
}

impl Folder {
    fn of(files: impl IntoIterator<Item = (&'static str, Vec<u8>)>) -> Self {
        Folder(files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect())
    }

    fn open_image(&self, name: &str) -> Result<Image, ImageError> {
        let first = self.open(name).unwrap().unwrap();
        let format = ImageFormat::of(first.as_ref(), name).unwrap();
        open(format, first, name, self)
    }

    /// Returns the folder with one bit changed in the byte at the offset `at` of the file `name`.
    fn changed(&self, name: &str, at: usize) -> Self {
        let mut folder = self.clone();
        folder.0.get_mut(name).unwrap()[at] ^= 0x10;
        folder
    }

    fn without(&self, name: &str) -> Self {
        let mut folder = self.clone();
        folder.0.remove(name).unwrap();
        folder
    }
}

/// Reads the whole disk of an image in pieces of 1,000 bytes. A piece is `None` if its read fails.
fn read_in_pieces(image: &Image) -> Vec<Option<Vec<u8>>> {
    let offsets = (0..image.disk.size()).step_by(1000);
    offsets.map(|offset| read_up_to(image.disk.as_ref(), offset, 1000).ok()).collect()
}

fn assert_reads(image: &Image, expected: &[u8]) {
    assert_eq!(image.problems, []);
    assert!(image.problems.is_empty());
    assert_reads_but(image, expected, None);
}

/// Checks that the disk of an image reads as `expected`, in pieces of 1,000 bytes. Reads of pieces
/// that touch the bytes `lost` must fail.
fn assert_reads_but(image: &Image, expected: &[u8], lost: impl Into<Option<Range<u64>>>) {
    let lost = lost.into();
    assert_eq!(image.disk.size(), expected.len() as u64);
    for (piece, (expected, start)) in
        read_in_pieces(image).into_iter().zip(expected.chunks(1000).zip((0..).step_by(1000)))
    {
        let end = start + expected.len() as u64;
        if lost.as_ref().is_some_and(|lost| lost.start < end && start < lost.end) {
            assert!(piece.is_none(), "bytes {start} to {end}");
        } else {
            assert!(piece.as_deref() == Some(expected), "bytes {start} to {end}");
        }
    }
    if lost.is_none() {
        let whole = read_up_to(image.disk.as_ref(), 0, expected.len() + 10).unwrap();
        assert!(whole == expected, "the whole disk in one read");
    }
}

fn expect_error(result: Result<Image, ImageError>) -> ImageError {
    match result {
        Err(error) => error,
        Ok(image) => panic!("opened, with problems {:?}", image.problems),
    }
}

#[test]
fn a_vhd_reads_as_its_disk_whichever_copy_of_its_footer_is_sound() {
    let disk = made::disk(50_176);
    let fixed = Folder::of([("d.vhd", made::fixed_vhd(&disk))]);
    assert_reads(&fixed.open_image("d.vhd").unwrap(), &disk);
    let cut = [&disk[..40_000], &made::fixed_vhd(&disk)[disk.len()..]].concat();
    let cut = Folder::of([("d.vhd", cut)]).open_image("d.vhd").unwrap();
    assert_eq!(cut.problems[0].range, Some(40_000..50_176));
    assert_reads_but(&cut, &disk, 40_000..50_176);
    let dynamic = Folder::of([("d.vhd", made::dynamic_vhd(&disk, 3))]);
    assert_reads(&dynamic.open_image("d.vhd").unwrap(), &disk);
    let end = dynamic.0["d.vhd"].len();
    for at in [end - 512, end - 512 + 50] {
        let damaged = dynamic.changed("d.vhd", at).open_image("d.vhd").unwrap();
        assert_eq!(damaged.problems.len(), 1);
        assert_reads_but(&damaged, &disk, None);
    }
    let differencing = Folder::of([("d.vhd", made::dynamic_vhd(&disk, 4))]);
    let error = expect_error(differencing.open_image("d.vhd"));
    assert_eq!(error.status().name(), "unsupported");
    assert!(error.to_string().contains("differencing"), "{error}");
}

#[test]
fn a_dynamic_vhd_whose_blocks_are_cut_off_loses_the_last_ones() {
    let disk = made::disk(50_176);
    let mut bytes = made::dynamic_vhd(&disk, 3);
    // The footer and the last block's 4,096 bytes.
    bytes.truncate(bytes.len() - 512 - 4096);
    let image = Folder::of([("d.vhd", bytes)]).open_image("d.vhd").unwrap();
    assert!(image.problems.iter().any(|problem| problem.range == Some(49_152..50_176)));
    assert_reads_but(&image, &disk, 49_152..50_176);
}

#[test]
fn a_vhdx_reads_as_its_disk_and_says_what_it_does_not_read() {
    let mut disk = made::disk(3 << 20);
    disk[1 << 20..2 << 20].fill(0);
    let bytes = made::a_vhdx(&disk, 0, false);
    let folder = Folder::of([("d.vhdx", bytes.clone())]);
    assert_reads(&folder.open_image("d.vhdx").unwrap(), &disk);
    let second = folder.changed("d.vhdx", (192 << 10) + 20).open_image("d.vhdx").unwrap();
    assert_eq!(second.problems.len(), 1);
    assert_reads_but(&second, &disk, None);
    let neither = folder.changed("d.vhdx", (192 << 10) + 20).changed("d.vhdx", (256 << 10) + 20);
    assert_eq!(expect_error(neither.open_image("d.vhdx")).status().name(), "unreadable");
    let mut cut = folder.clone();
    let file = cut.0.get_mut("d.vhdx").unwrap();
    file.truncate(file.len() - 512);
    let cut = cut.open_image("d.vhdx").unwrap();
    assert_eq!(cut.problems.len(), 1);
    assert_eq!(cut.problems[0].range, Some((3 << 20) - 512..3 << 20), "what the file has is read");
    let log = Folder::of([("d.vhdx", made::a_vhdx(&disk, 0, true))]).open_image("d.vhdx").unwrap();
    assert!(log.problems[0].to_string().contains("log"), "{}", log.problems[0]);
    let parent = Folder::of([("d.vhdx", made::a_vhdx(&disk, 2, false))]);
    assert_eq!(expect_error(parent.open_image("d.vhdx")).status().name(), "unsupported");
}

#[test]
fn parts_of_a_raw_image_are_joined_and_a_missing_one_is_a_hole() {
    let disk = made::disk(10_500);
    let names = ["d.001", "d.002", "d.003", "d.004"];
    let folder = Folder::of(names.into_iter().zip(disk.chunks(3000).map(<[u8]>::to_vec)));
    let image = folder.open_image("d.001").unwrap();
    assert_eq!(image.parts, ["d.002", "d.003", "d.004"]);
    assert_reads(&image, &disk);
    let hole = folder.without("d.003").open_image("d.001").unwrap();
    assert_eq!(hole.facts.missing_segments, [3]);
    assert_reads_but(&hole, &disk, 6000..9000);
}

#[test]
fn a_descriptor_may_name_files_of_its_own_folder_only() {
    let disk = made::disk(2048);
    let text = |file: &str| {
        format!("# Disk DescriptorFile\nparentCID=ffffffff\nRW 4 FLAT \"{file}\" 0\nRW 2 ZERO\n").into_bytes()
    };
    let folder = Folder::of([("d.vmdk", text("d-flat.vmdk")), ("d-flat.vmdk", disk.clone())]);
    let image = folder.open_image("d.vmdk").unwrap();
    assert_eq!(image.parts, ["d-flat.vmdk"]);
    assert_reads(&image, &[disk.clone(), vec![0; 1024]].concat());
    let absent = folder.without("d-flat.vmdk").open_image("d.vmdk").unwrap();
    assert_eq!(absent.problems[0].range, Some(0..2048));
    let mut cut = folder.clone();
    cut.0.get_mut("d-flat.vmdk").unwrap().truncate(700);
    let cut = cut.open_image("d.vmdk").unwrap();
    assert_eq!(cut.problems[0].range, Some(700..2048), "what the file has is read");
    assert_reads_but(&cut, &[disk.clone(), vec![0; 1024]].concat(), 700..2048);
    // The second of two sparse extents has no table.
    let sparse = made::vmdk(&made::disk(10_240), false);
    let mut list = b"# Disk DescriptorFile\nRW 20 SPARSE \"a\"\nRW 20 SPARSE \"b\"\n".to_vec();
    list.resize(list.len() + 512, 0);
    let pair = [("d.vmdk", list), ("a", sparse.clone()), ("b", sparse[..512].to_vec())];
    let pair = Folder::of(pair).open_image("d.vmdk").unwrap();
    assert_eq!(pair.problems[0].range, Some(10_240..20_480), "a range of the disk, not of the extent");
    assert_reads_but(&pair, &made::disk(10_240).repeat(2), 10_240..20_480);
    for name in ["../d-flat.vmdk", "/etc/passwd", "C:\\d.vmdk", "..", "a\\b"] {
        let error = expect_error(Folder::of([("d.vmdk", text(name))]).open_image("d.vmdk"));
        assert_eq!(error.status().name(), "unreadable", "{name}");
    }
    let parent = b"# Disk DescriptorFile\nparentCID=12345678\nRW 4 ZERO\n".to_vec();
    let error = expect_error(Folder::of([("d.vmdk", parent)]).open_image("d.vmdk"));
    assert_eq!(error.status().name(), "unsupported");
}

#[test]
fn logical_evidence_files_are_refused_by_name() {
    let folder = Folder::of([("x.L01", b"LVF\x09\x0d\x0a\xff\x00rest".to_vec())]);
    let error = expect_error(folder.open_image("x.L01"));
    assert_eq!(error.status().name(), "unsupported");
    assert!(error.to_string().contains("L01"), "{error}");
}

#[test]
fn all_formats_have_an_entry_in_the_table() {
    use ImageFormat::{E01, Ex01, L01, Qcow2, Raw, SplitRaw, Vhd, Vhdx, Vmdk};
    for format in [E01, Ex01, L01, Vhd, Vhdx, Vmdk, Qcow2, SplitRaw, Raw] {
        assert!(format.entry().is_some(), "{format:?}");
    }
}

#[test]
fn a_qcow2_reads_as_its_disk_and_says_what_it_needs() {
    let disk = made::disk(60_000);
    let folder = Folder::of([("d.qcow2", made::qcow2(&disk, 0))]);
    assert_reads(&folder.open_image("d.qcow2").unwrap(), &disk);
    for (features, word) in [(1 << 2, "another file"), (1 << 4, "subclusters"), (1 << 9, "unknown")] {
        let error = expect_error(Folder::of([("d", made::qcow2(&disk, features))]).open_image("d"));
        assert_eq!(error.status().name(), "unsupported");
        assert!(error.to_string().contains(word), "{error}");
    }
    let marked = Folder::of([("d", made::qcow2(&disk, 2))]).open_image("d").unwrap();
    assert!(!marked.problems.is_empty());
    let backed = expect_error(folder.changed("d.qcow2", 15).open_image("d.qcow2"));
    assert!(backed.to_string().contains("backing file"), "{backed}");
    let mut encrypted = folder.clone();
    encrypted.0.get_mut("d.qcow2").unwrap()[35] = 2;
    assert_eq!(expect_error(encrypted.open_image("d.qcow2")).status().name(), "encrypted");
}

#[test]
fn a_sparse_vmdk_reads_as_its_disk_packed_or_not() {
    let disk = made::disk(60_000);
    for packed in [false, true] {
        let folder = Folder::of([("d.vmdk", made::vmdk(&disk, packed))]);
        assert_reads(&folder.open_image("d.vmdk").unwrap(), &disk);
    }
    // The first grain's marker and stream.
    let folder = Folder::of([("d.vmdk", made::vmdk(&disk, true))]);
    let grain = 1024 + 512 * 15_usize.div_ceil(4);
    for at in [grain, grain + 20] {
        let image = folder.changed("d.vmdk", at).open_image("d.vmdk").unwrap();
        assert_reads_but(&image, &disk, 0..4096);
    }
}

#[test]
fn tables_larger_than_the_file_take_no_memory_and_lose_their_range() {
    let disk = made::disk(60_000);
    let mut vmdk = made::vmdk(&disk, false);
    // A disk of 32 TiB whose tables are not there.
    vmdk[12..20].copy_from_slice(&(1_u64 << 36).to_le_bytes());
    let image = Folder::of([("d", vmdk)]).open_image("d").unwrap();
    assert_eq!(image.disk.size(), 1 << 45);
    assert!(image.problems[0].range.as_ref().is_some_and(|range| range.end == 1 << 45));
    assert_eq!(read_up_to(image.disk.as_ref(), 0, 60_000).unwrap(), disk[..60_000]);
    assert!(read_up_to(image.disk.as_ref(), 1 << 44, 10).is_err());
    let mut qcow2 = made::qcow2(&disk, 0);
    qcow2[24..32].copy_from_slice(&(65_u64 << 40).to_be_bytes());
    let error = expect_error(Folder::of([("d", qcow2)]).open_image("d"));
    assert!(error.to_string().contains("at most"), "{error}");
}

#[test]
fn further_files_are_known_by_the_names_of_their_first_ones() {
    use ImageFormat::{E01, Ex01, Raw, SplitRaw, Vhd, Vmdk};
    for (format, name, first) in [
        (E01, "a.E07", Some("a.E01")),
        (E01, "a.eab", Some("a.e01")),
        (E01, "a.s02", Some("a.s01")),
        (E01, "a.E01", None),
        (Ex01, "a.Ex02", Some("a.Ex01")),
        (Ex01, "a.ExAA", Some("a.Ex01")),
        (Raw, "a.002", Some("a.001")),
        (SplitRaw, "a.001", None),
        (Raw, "a.000", None),
        (Raw, "a.dd", None),
        (Raw, "a-flat.vmdk", Some("a.vmdk")),
        (Vmdk, "a-b-s003.vmdk", Some("a-b.vmdk")),
        (Vmdk, "a-b.vmdk", None),
        (Vhd, "a.002", None),
    ] {
        assert_eq!(format.first_name(name).as_deref(), first, "{name}");
    }
}

/// The number of different images that [`an_image`] can make.
const IMAGES: usize = 7;

/// Returns a folder with a small disk image, and the name of the image's first file. `number`,
/// which must be less than [`IMAGES`], chooses the image's format.
fn an_image(number: usize) -> (Folder, &'static str) {
    let disk = made::disk(20_480);
    let bytes = match number {
        0 => return (made::e01(&disk, 2), "disk.E01"),
        1 => made::dynamic_vhd(&disk, 3),
        6 => return (made::ex01(&disk, 2), "disk.Ex01"),
        2 => made::a_vhdx(&disk, 0, false),
        3 => made::qcow2(&disk, 0),
        4 => made::vmdk(&disk, false),
        _ => made::vmdk(&disk, true),
    };
    (Folder::of([("image", bytes)]), "image")
}

/// Offsets of headers and tables in a VHDX or another disk image. Random changes are made near
/// these offsets, because a reader trusts what is written there.
const HEADERS: [usize; 9] =
    [0, 64 << 10, 128 << 10, 192 << 10, 256 << 10, 1 << 20, (1 << 20) + (64 << 10), 2 << 20, 512];

proptest! {
    #[test]
    fn images_with_changed_bytes_are_read_or_refused_and_reading_ends(
        number in 0..IMAGES,
        file in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..400_usize, any::<u8>()), 0..6),
        anywhere in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        forged in any::<bool>(),
    ) {
        let (mut folder, name) = an_image(number);
        let file = file.index(folder.0.len());
        let bytes = folder.0.values_mut().nth(file).unwrap();
        for (header, after, value) in changes {
            let at = header.get(&HEADERS) + after;
            if let Some(byte) = bytes.get_mut(at) { *byte = value; }
        }
        for (at, value) in anywhere {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut { bytes.truncate(cut.index(bytes.len())); }
        if forged { made::put_sums(bytes); }
        if let Ok(image) = folder.open_image(name) {
            prop_assert!(image.problems.len() <= 257);
            let size = image.disk.size();
            for offset in [0, 1, 511, 4096, 20_000, size / 2, size.saturating_sub(3), size, u64::MAX] {
                for length in [1, 512, 70_000] {
                    if let Ok(read) = read_up_to(image.disk.as_ref(), offset, length) {
                        let due = size.saturating_sub(offset).min(length as u64);
                        prop_assert_eq!(read.len() as u64, due);
                    }
                }
            }
        }
    }
}
