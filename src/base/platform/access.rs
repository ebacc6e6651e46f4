//! Permissions of the files that dnsweep writes.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::files::{Link, open_with};

/// Who may read an output directory and its files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// Only the user who runs the sweep may read the output.
    #[default]
    Owner,
    /// Everyone whom the user's umask allows may read the output.
    Others,
}

impl Access {
    fn file_mode(self) -> u32 {
        if self == Access::Owner { 0o600 } else { 0o666 }
    }

    /// Creates the folder `path` for an output. Only the users that this [`Access`] names may read
    /// it. Fails if the path exists.
    pub(crate) fn make_folder(self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(if self == Access::Owner { 0o700 } else { 0o777 }).create(path)
    }

    /// Creates the file `path` for writing. Only the users that this [`Access`] names may read it.
    /// Fails if the path exists.
    pub(crate) fn make_file(self, path: &Path) -> io::Result<File> {
        File::options().write(true).create_new(true).mode(self.file_mode()).open(path)
    }
}

/// Opens a file of an unfinished output for reading and appending, such as the journal (the file
/// from which an interrupted sweep is resumed). If the file does not exist, creates it so that only
/// the current user may read it. A symbolic link is refused.
pub(crate) fn open_own(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).append(true).create(true).mode(Access::Owner.file_mode());
    Ok(open_with(&mut options, path, Link::Refused)?)
}
