//! The folder of a disk image, in which the further files of an image in several files are looked
//! for.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::evidence::container::image::Siblings;
use crate::evidence::discover::outer_file::OuterFiles;
use crate::evidence::kept::Kept;
use crate::evidence::layer::SharedSource;

/// The folder of a disk image that lies in no other container. Image formats open the further files
/// of the image in this folder. Files that are opened are recorded as files of which the container
/// consists.
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

/// Stands for the folder of a disk image that lies in another container. It opens no files, because
/// further files of an image in a container are not looked for.
pub(super) struct NoFolder;

impl Siblings for NoFolder {
    fn open(&self, _name: &str) -> io::Result<Option<SharedSource>> {
        Ok(None)
    }
}
