//! Tests of reading NTFS volumes, which the tests make record by record.

mod hostile;
mod listing;
mod made;
mod reading;
mod whole;

use std::sync::Arc;

use super::Ntfs;
use crate::evidence::layer::Source;
use crate::evidence::source::LogBytes;

impl made::Made {
    /// Opens the volume that the test has made.
    fn open(&self) -> Ntfs {
        Ntfs::open(Arc::new(self.0.clone())).unwrap()
    }
}
