//! The folder of a disk image, in which the further files of an image in several files are looked
//! for.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::evidence::container::image::Siblings;
use crate::evidence::discover::outer_file::OuterFiles;
use crate::evidence::kept::Kept;
use crate::evidence::layer::SharedSource;

/// The folder of an image that is a file of the evidence. Files that are opened in it are recorded
/// as files of the container.
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

/// The folder of an image that lies in another container. It has no files, because further files of
/// such an image are not looked for.
pub(super) struct NoFolder;

impl Siblings for NoFolder {
    fn open(&self, _name: &str) -> io::Result<Option<SharedSource>> {
        Ok(None)
    }
}
