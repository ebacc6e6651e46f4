//! Inputs with which fuzzing of the targets `container`, `zip_listing` and `sevenzip_listing`
//! begins: archives, packed files and images with logs in them.

use std::io::Write;

use dnsweep_samples::{Event, LogWriter, Style};
use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, Crc};

use crate::checks::{image_seeds, qcow2_with_volume};

/// A file of an archive: its name, its bytes, and whether it is deflated.
type Member<'a> = (&'a str, &'a [u8], bool);

/// Returns the inputs with which fuzzing of containers begins: the target, a name, and the bytes.
pub fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let log = log();
    let logs = zip(&[("C/logs/a.evtx", &log, true), ("C/logs/a.evtx", &log, true), ("b/", b"", false)]);
    let stored = zip(&[("a.evtx", &log[..4200], false), ("client_info.json", CLIENT_INFO, true)]);
    let volume = qcow2_with_volume();
    let nested = zip(&[
        ("in.zip", &logs, false),
        ("disk.qcow2", &volume, true),
        ("a.tar.gz", &gzip(&logs), false),
        ("in.zip", b"PK\x03\x04", false),
    ]);
    let empty = zip(&[]);
    let tar = tar(&[("a.evtx", &log[..4200]), ("in.zip", &logs), ("a.evtx", b"")]);
    let encrypted = [
        ("aes", include_bytes!("../../../containers/aes256.zip").to_vec()),
        ("zipcrypto", include_bytes!("../../../containers/zipcrypto.zip").to_vec()),
    ];
    let zips = [("logs", logs), ("stored", stored), ("nested", nested), ("empty", empty)];
    let others = [
        ("tar", tar.clone()),
        ("tar-gz", gzip(&tar)),
        ("log-gz", gzip(&log)),
        ("tar-zst", zstandard(&tar)),
        ("volume", volume),
        ("7z", include_bytes!("../../../containers/sevenzip/packed-header.7z").to_vec()),
    ];
    let images = image_seeds().into_iter().map(|(_, name, bytes)| (name, bytes));
    let of = |target| move |(name, bytes)| (target, name, bytes);
    let mut seeds: Vec<_> = zips.iter().cloned().chain(encrypted).map(of("zip_listing")).collect();
    seeds.extend(SEVENZIP.map(|(name, bytes)| ("sevenzip_listing", name, bytes.to_vec())));
    seeds.extend(zips.into_iter().chain(others).chain(images).map(of("container")));
    seeds
}

/// Archives that 7-Zip made, each with the name of its input.
const SEVENZIP: [(&str, &[u8]); 7] = [
    ("packed-header", include_bytes!("../../../containers/sevenzip/packed-header.7z")),
    ("plain-header", include_bytes!("../../../containers/sevenzip/plain-header.7z")),
    ("filters", include_bytes!("../../../containers/sevenzip/filters.7z")),
    ("stored", include_bytes!("../../../containers/sevenzip/stored.7z")),
    ("bzip2", include_bytes!("../../../containers/sevenzip/bzip2.7z")),
    ("encrypted", include_bytes!("../../../containers/sevenzip/encrypted.7z")),
    ("bcj2", include_bytes!("../../../containers/sevenzip/bcj2.7z")),
];

/// The file in a collection by Velociraptor that describes the host.
const CLIENT_INFO: &[u8] = br#"{"Hostname":"PC","Fqdn":"PC.corp.example"}"#;

/// Returns a log of one chunk.
fn log() -> Vec<u8> {
    let mut writer = LogWriter::new(Style::Export);
    let event = Event::dns_query("pastebin.com", r"C:\Windows\System32\cmd.exe").on("PC").numbered(1);
    writer.push_all(&[event]).expect("one event fits");
    writer.finish()
}

/// Returns a zip archive of these files. The sizes of a file stand before its bytes.
fn zip(members: &[Member<'_>]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, data, is_deflated) in members {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).expect("memory takes all");
        let deflated = encoder.finish().expect("memory takes all");
        let stored = if *is_deflated { &deflated } else { *data };
        let mut sum = Crc::new();
        sum.update(data);
        let mut fields =
            [20, 0, if *is_deflated { 8_u16 } else { 0 }, 0, 0x5a21].map(u16::to_le_bytes).concat();
        fields.extend(
            [sum.sum(), size(stored), size(data), size(name.as_bytes())].map(u32::to_le_bytes).concat(),
        );
        directory
            .extend([b"PK\x01\x02\x14\0", fields.as_slice(), &[0; 10], &size(&bytes).to_le_bytes()].concat());
        directory.extend(name.as_bytes());
        bytes.extend([b"PK\x03\x04", fields.as_slice(), name.as_bytes(), stored].concat());
    }
    let count = u16::try_from(members.len()).expect("few files").to_le_bytes();
    let mut end = [b"PK\x05\x06\0\0\0\0", &count[..], &count].concat();
    end.extend([size(&directory), size(&bytes)].map(u32::to_le_bytes).concat());
    end.extend([0; 2]);
    [bytes, directory, end].concat()
}

fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("small files")
}

/// Returns a tar archive of these files, in POSIX's format.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, data) in files {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().copied().map(u32::from).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        bytes.extend(header);
        bytes.extend(*data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// Returns a Zstandard frame with one block that has these bytes as they are.
fn zstandard(bytes: &[u8]) -> Vec<u8> {
    let block = (size(bytes) << 3 | 1).to_le_bytes();
    // The frame's size, in four bytes, is also that of the window.
    [&b"\x28\xb5\x2f\xfd\xa0"[..], &size(bytes).to_le_bytes(), &block[..3], bytes].concat()
}
