//! The bytes of a log, which are read at any offset.
//!
//! After discovery, all code reads logs only through the trait [`LogBytes`], so that it does not
//! matter if the bytes lie in a plain file, an archive or a disk image.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::base::platform::files::{self, FileOpenError, Link};
use crate::base::platform::metadata;

/// The first bytes of an event log file, by which a log is recognised.
pub const FILE_SIGNATURE: &[u8; 8] = b"ElfFile\0";
pub use crate::ledger::file::{CHUNK_SIZE, FILE_HEADER_SIZE};

/// The first bytes of a chunk in an event log, by which chunks are found.
pub const CHUNK_SIGNATURE: &[u8; 8] = b"ElfChnk\0";

/// The bytes of a log. Several threads may read a log at the same time, because positioned reads
/// share no cursor.
pub trait LogBytes: Send + Sync {
    /// Reads up to `buffer.len()` bytes of the log, beginning at `offset`. Returns the number of
    /// bytes that were read, which is less than `buffer.len()` only at the end of the log.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Returns the offset of the log's first byte in its page (4,096 bytes): 0 to 4095. The pages
    /// are those of the file that contains the log's bytes, which can be an archive that stores the
    /// log. The kernel copies bytes faster or slower depending on this offset and on where they are
    /// copied to.
    fn offset_in_page(&self) -> usize {
        0
    }
}

/// The size of a page of memory, in bytes. The system reads files in pages.
pub const PAGE: usize = 4096;

/// The size of a file and the time of its last change, by which a sweep notices that the file was
/// written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    /// The size of the file in bytes.
    pub size: u64,
    /// The time at which the file's content was last changed: the seconds since 1970, and the
    /// nanoseconds of the second.
    pub modified: (i64, i64),
}

impl FileState {
    /// Returns the size of a file and the time of its last change, as `found`, the file's metadata,
    /// states them.
    pub(crate) fn of(found: &Metadata) -> Self {
        FileState { size: found.len(), modified: metadata::modified(found) }
    }
}

/// Numbers and times of a file, by which a sweep notices that another file has taken the file's
/// place at its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    /// The device number and the inode number of the file.
    pub number: (u64, u64),
    /// The change time of the file (`ctime`): when its content, name or attributes were last
    /// changed, in seconds and nanoseconds since 1970.
    pub touched: (i64, i64),
    /// True if the file was last changed more than two seconds before its folder was listed. Then a
    /// file that replaces it later cannot have the same change time. If false, only `number`
    /// identifies the file.
    pub settled: bool,
}

/// The number of seconds within which two changes of files can have the same time, because the
/// clocks of file systems are coarse.
const COARSE: i64 = 2;

impl FileIdentity {
    /// Returns the identity of a file, as its metadata states it. The current time decides if the
    /// file's change time is old enough to identify the file.
    pub(crate) fn of(found: &Metadata) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        FileIdentity {
            number: metadata::number(found),
            touched: metadata::touched(found),
            settled: i64::try_from(now).is_ok_and(|now| metadata::touched(found).0 < now - COARSE),
        }
    }
}

/// What is known of a file from the listing of its folder: its identity, its size and its
/// modification time. They show later whether the file was replaced or written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedFile {
    /// The numbers and times of the file that show later whether another file has taken its place.
    pub identity: FileIdentity,
    /// The size and the modification time of the file.
    pub state: FileState,
}

impl ListedFile {
    /// Returns the identity of a file, its size and its modification time, as `metadata` states
    /// them.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        ListedFile { identity: FileIdentity::of(metadata), state: FileState::of(metadata) }
    }

    /// Returns true if `metadata` is that of the listed file, even if the file was written to
    /// since. Some file systems (network, FUSE) give a file a new inode number at each look-up. So
    /// a file with another number also counts as the listed one if device, size and times are
    /// unchanged and the listed file is settled (see [`FileIdentity::settled`]): a file that
    /// replaces another one then has a later change time.
    fn is_of(&self, metadata: &Metadata) -> bool {
        let found = ListedFile::of(metadata);
        let is_untouched = || {
            found.state == self.state
                && (found.identity.number.0, found.identity.touched)
                    == (self.identity.number.0, self.identity.touched)
        };
        found.identity.number == self.identity.number || self.identity.settled && is_untouched()
    }
}

/// The reason why a file that was listed cannot be opened for reading.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another file, a link or a device has taken the place of the file since it was listed.
    /// Contains what was found in its place.
    #[error("the file changed since it was listed: expected the listed file, found {0}")]
    Replaced(&'static str),
    /// The operating system reported an error when the listed file was opened.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::System(error) => error,
            replaced @ OpenError::Replaced(_) => io::Error::other(replaced),
        }
    }
}

/// An open regular file on a disk, used for reading only.
#[derive(Debug)]
pub struct FileBytes(File);

impl From<File> for FileBytes {
    fn from(file: File) -> Self {
        FileBytes(file)
    }
}

impl FileBytes {
    /// Opens a regular file for reading. `link` says whether a symbolic link at `path` is followed.
    pub(crate) fn open(path: &Path, link: Link) -> io::Result<Self> {
        Ok(FileBytes(files::open(path, link)?))
    }

    /// Opens the file that was listed as `path` for reading. Fails if another file, a link or a
    /// device has taken its place since. `link` says whether a symbolic link at `path` is followed.
    pub(crate) fn open_listed(path: &Path, listed: &ListedFile, link: Link) -> Result<Self, OpenError> {
        let file = files::open(path, link).map_err(|error| match error {
            FileOpenError::Kind(found) => OpenError::Replaced(found),
            FileOpenError::System(error) => OpenError::System(error),
        })?;
        if listed.is_of(&file.metadata()?) {
            Ok(FileBytes(file))
        } else {
            Err(OpenError::Replaced("another one"))
        }
    }

    /// Returns the current size of the file and the time of its last change. Returns `None` if the
    /// operating system reports an error.
    pub(crate) fn state(&self) -> Option<FileState> {
        self.0.metadata().ok().map(|metadata| FileState::of(&metadata))
    }
}

impl LogBytes for FileBytes {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match files::read_at(&self.0, rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

impl LogBytes for Vec<u8> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let read = buffer.len().min(self.len() - start);
        if let (Some(to), Some(from)) = (buffer.get_mut(..read), self.get(start..start + read)) {
            to.copy_from_slice(from);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    /// Returns the result of opening a listed file after `change` happened to it.
    fn after(link: Link, change: impl FnOnce(&Path)) -> Result<Vec<u8>, String> {
        let scene = tempfile::tempdir().unwrap();
        let folder = scene.path().join("HOST");
        fs::create_dir(&folder).unwrap();
        let path = folder.join("x.evtx");
        fs::write(&path, "listed").unwrap();
        fs::write(folder.join("secret"), "secret").unwrap();
        let listed = ListedFile::of(&fs::metadata(&path).unwrap());
        change(&path);
        let bytes = FileBytes::open_listed(&path, &listed, link).map_err(|error| error.to_string())?;
        let mut buffer = vec![0; 20];
        let read = bytes.read_at(0, &mut buffer).unwrap();
        assert_eq!(bytes.state() == Some(listed.state), read == "listed".len());
        Ok(buffer[..read].to_vec())
    }

    #[test]
    fn a_listed_file_is_opened_and_nothing_else() {
        let replace = |path: &Path, with: &dyn Fn(&Path)| {
            fs::remove_file(path).unwrap();
            with(path);
        };
        let pipe = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        for link in [Link::Refused, Link::Followed] {
            assert_eq!(after(link, |_| ()).unwrap(), b"listed");
            // It is the same file, written to. Its state shows that.
            assert_eq!(after(link, |path| fs::write(path, "").unwrap()).unwrap(), b"");
            let error = after(link, |path| replace(path, &pipe)).unwrap_err();
            assert!(error.ends_with("found a pipe"), "{error}");
            let error = after(link, |path| replace(path, &|path| fs::create_dir(path).unwrap())).unwrap_err();
            assert!(error.ends_with("found a directory"), "{error}");
            // A different file with the same size and modification time.
            let error = after(link, |path| {
                let modified = fs::metadata(path).unwrap().modified().unwrap();
                let other = path.with_extension("other");
                fs::write(&other, "secret").unwrap();
                File::options().append(true).open(&other).unwrap().set_modified(modified).unwrap();
                fs::rename(other, path).unwrap();
            })
            .unwrap_err();
            assert!(error.ends_with("found another one"), "{error}");
        }
        let to_link = |path: &Path| replace(path, &|path| symlink("secret", path).unwrap());
        assert!(after(Link::Refused, to_link).unwrap_err().ends_with("found a symbolic link"));
        assert!(after(Link::Followed, to_link).unwrap_err().ends_with("found another one"));
        // A folder of the path was replaced by a link.
        let error = after(Link::Refused, |path| {
            let folder = path.parent().unwrap();
            let elsewhere = folder.with_file_name("elsewhere");
            fs::create_dir(&elsewhere).unwrap();
            fs::write(elsewhere.join("x.evtx"), "secret").unwrap();
            fs::rename(folder, folder.with_file_name("aside")).unwrap();
            symlink(elsewhere, folder).unwrap();
        });
        assert!(error.unwrap_err().ends_with("found another one"));
    }

    #[test]
    fn a_file_that_is_numbered_anew_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.evtx");
        fs::write(&path, "listed").unwrap();
        let mut listed = ListedFile::of(&fs::metadata(&path).unwrap());
        listed.identity.number.1 += 1;
        let is_opened = |listed: &ListedFile| FileBytes::open_listed(&path, listed, Link::Refused).is_ok();
        // The file was changed a moment ago, so another one could have the same time.
        assert!(!listed.identity.settled && !is_opened(&listed));
        listed.identity.settled = true;
        assert!(is_opened(&listed));
        for change in [
            |listed: &mut ListedFile| listed.identity.touched.0 += 1,
            |listed: &mut ListedFile| listed.identity.number.0 += 1,
            |listed: &mut ListedFile| listed.state.modified.1 += 1,
        ] {
            let mut other = listed;
            change(&mut other);
            assert!(!is_opened(&other));
        }
    }
}
