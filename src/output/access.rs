//! Who may read what a sweep writes. What evidence says is confidential, so it is nobody else's
//! unless that was asked for.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::base::platform::files::{Link, open_with};

/// Who may read an output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// The user who sweeps.
    #[default]
    Owner,
    /// Whoever may read files that this user makes: as the umask says.
    Others,
}

impl Access {
    fn file_mode(self) -> u32 {
        if self == Access::Owner { 0o600 } else { 0o666 }
    }

    /// Makes a folder.
    pub(super) fn make_folder(self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(if self == Access::Owner { 0o700 } else { 0o777 }).create(path)
    }
}

/// A file that is to be written.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Where.
    pub path: PathBuf,
    /// Who may read it.
    pub access: Access,
}

impl NewFile {
    /// Makes it; an error if anything has its name.
    pub(super) fn create(&self) -> io::Result<File> {
        File::options().write(true).create_new(true).mode(self.access.file_mode()).open(&self.path)
    }
}

/// Opens a file of a sweep's own for reading and appending, and makes it if nothing has its name.
pub(crate) fn open_own(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).append(true).create(true).mode(Access::Owner.file_mode());
    Ok(open_with(&mut options, path, Link::Refused)?)
}
