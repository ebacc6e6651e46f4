//! Containers for tests: archives, and the disk in the image of the samples.

use std::fs;
use std::io;
use std::process::Command;
use std::sync::Arc;

use dnsweep::internals::evidence::container::image::{self, ImageFormat, Siblings};
use dnsweep::internals::evidence::layer::{SharedSource, read_up_to};

use super::repository;

struct NoSiblings;

impl Siblings for NoSiblings {
    fn open(&self, _: &str) -> io::Result<Option<SharedSource>> {
        Ok(None)
    }
}

/// Runs the Python script of the tests that makes archives, with these arguments.
pub fn make(arguments: &[&str]) {
    let script = repository("tests/containers/make.py");
    let output = Command::new("python3").arg(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Returns the bytes of the disk in the disk image of the samples. It has one NTFS volume with
/// logs, a shadow copy and a deleted log.
pub fn disk() -> Vec<u8> {
    let name = "FIN-WS07.E01";
    let bytes: SharedSource = Arc::new(fs::read(repository("samples/containers").join(name)).unwrap());
    let format = ImageFormat::of(bytes.as_ref(), name).unwrap();
    let disk = image::open(format, bytes, name, &NoSiblings).unwrap().disk;
    read_up_to(disk.as_ref(), 0, usize::try_from(disk.size()).unwrap()).unwrap()
}
