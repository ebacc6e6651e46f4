//! Who may read what is written.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::files::{Link, open_with};

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
    pub(crate) fn make_folder(self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(if self == Access::Owner { 0o700 } else { 0o777 }).create(path)
    }

    /// Makes a file for writing; an error if anything has its name.
    pub(crate) fn make_file(self, path: &Path) -> io::Result<File> {
        File::options().write(true).create_new(true).mode(self.file_mode()).open(path)
    }
}

/// Opens a file that only this user may read, for reading and appending; makes it if nothing has
/// its name.
pub(crate) fn open_own(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).append(true).create(true).mode(Access::Owner.file_mode());
    Ok(open_with(&mut options, path, Link::Refused)?)
}
