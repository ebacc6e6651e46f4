//! The folder that a container lies in, for images in several files.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::evidence::container::image::Siblings;
use crate::evidence::discover::outer_file::OuterFiles;
use crate::evidence::kept::Kept;
use crate::evidence::layer::SharedSource;

/// The folder of a container that is a file of the evidence.
pub(super) struct Folder {
    pub path: PathBuf,
    pub outer: Arc<OuterFiles>,
    pub kept: Arc<Kept>,
}

impl Siblings for Folder {
    fn open(&self, name: &str) -> io::Result<Option<SharedSource>> {
        self.outer.add(&self.path.join(name), &self.kept)
    }
}

/// The folder of a container in another container. Its other files are not found.
pub(super) struct NoFolder;

impl Siblings for NoFolder {
    fn open(&self, _name: &str) -> io::Result<Option<SharedSource>> {
        Ok(None)
    }
}
