//! Opens files without blocking, and without following links that are not allowed.
//!
//! After a file is listed and before it is opened, something else can replace it: a pipe, which
//! would block the program until somebody writes to it, or a link, which would lead elsewhere. The
//! functions in this module do not block on a pipe or a device, and check the kind of the file
//! after opening it.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

/// The greatest size, in bytes, of two kinds of files that are read whole: the description of a
/// sweep in its output (`run.json`), and a list of paths of evidence from the user. It has room for
/// more than a million paths.
pub(crate) const MOST_LIST_BYTES: u64 = 256 << 20;

/// Whether a symbolic link is followed when a file is opened. This concerns only the last part of
/// the file's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// A symbolic link is not followed; opening the path fails.
    Refused,
    /// A symbolic link is followed to the file that it names.
    Followed,
}

/// Why a file could not be opened for reading or writing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileOpenError {
    /// The path names something else than a regular file. The text says what, such as "a pipe".
    #[error("expected a regular file, found {0}")]
    Kind(&'static str),
    /// The operating system reported an error when the file was opened.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl From<FileOpenError> for io::Error {
    fn from(error: FileOpenError) -> Self {
        match error {
            FileOpenError::System(error) => error,
            kind @ FileOpenError::Kind(_) => io::Error::other(kind),
        }
    }
}

/// Opens a regular file for reading. Fails, without waiting, if the path names something else, such
/// as a pipe. `link` says whether a symbolic link at `path` is followed.
pub(crate) fn open(path: &Path, link: Link) -> Result<File, FileOpenError> {
    open_with(File::options().read(true), path, link)
}

/// Opens a regular file with `options`, such as for appending. Fails, without waiting, if the path
/// names something else, such as a pipe. `link` says whether a symbolic link at `path` is followed.
pub(crate) fn open_with(options: &mut OpenOptions, path: &Path, link: Link) -> Result<File, FileOpenError> {
    let nofollow = if link == Link::Refused { OFlags::NOFOLLOW } else { OFlags::empty() };
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | nofollow;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path).map_err(|error| {
        // Opening a link fails with ELOOP; opening a socket, or a device without a driver, with
        // ENXIO.
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::LOOP | Errno::NXIO) => kind_at(path).map_or(error.into(), FileOpenError::Kind),
            _ => error.into(),
        }
    })?;
    match kind(file.metadata()?.file_type()) {
        None => Ok(file),
        Some(kind) => Err(FileOpenError::Kind(kind)),
    }
}

/// Reads bytes of a file from `offset` on into `buffer`. Returns the number of bytes read, which
/// may be less than the length of `buffer`.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

/// Fills `buffer` with the bytes of a file from `offset` on. Fails if the file ends before the
/// buffer is full.
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(buffer, offset)
}

/// The kind of file that `path` names, in words; `None` if it is a regular file or cannot be
/// examined.
fn kind_at(path: &Path) -> Option<&'static str> {
    fs::symlink_metadata(path).ok().and_then(|metadata| kind(metadata.file_type()))
}

/// A file type in words, such as "a pipe"; `None` for a regular file.
fn kind(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a directory")
    } else if kind.is_symlink() {
        Some("a symbolic link")
    } else if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

/// Reads a whole regular file. Fails if it has more than `most` bytes, so that a huge file does not
/// fill the memory. `link` says whether a symbolic link at `path` is followed.
pub(crate) fn read_at_most(path: &Path, link: Link, most: u64) -> io::Result<Vec<u8>> {
    whole(open(path, link)?, most)
}

/// Reads a file that the user named on the command line. Links are followed. The file may also be a
/// pipe, such as one that the shell makes for `<(command)`. A pipe that no process has open for
/// writing counts as empty. Fails if there are more than `most` bytes.
pub(crate) fn read_named(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = File::options().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    let kind = file.metadata()?.file_type();
    if !kind.is_file() {
        if !kind.is_fifo() && !kind.is_char_device() {
            return Err(io::Error::other(format!(
                "expected a file or a pipe, found {}",
                self::kind(kind).unwrap_or_default()
            )));
        }
        // The open did not block, so from now on reading may wait for the writer.
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    }
    whole(file, most)
}

/// Reads an open file to its end. Reserves memory for the size that its metadata states, up to
/// `most` bytes. Fails if the file has more than `most` bytes.
fn whole(file: File, most: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.metadata()?.len().min(most));
    let length = length.expect("the limits are sizes that memory can have");
    read_into(Vec::with_capacity(length), file, most)
}

/// Reads `reader` to its end. Fails if it has more than `most` bytes, so that an endless input does
/// not fill the memory.
pub(crate) fn all_of(reader: impl Read, most: u64) -> io::Result<Vec<u8>> {
    read_into(Vec::new(), reader, most)
}

/// Reads `reader` to its end and appends its bytes to `bytes`, which must be empty. Fails if
/// `reader` has more than `most` bytes.
fn read_into(mut bytes: Vec<u8>, reader: impl Read, most: u64) -> io::Result<Vec<u8>> {
    reader.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("expected at most {most} bytes, found more")));
    }
    Ok(bytes)
}

/// Opens a directory, so that the caller can have the system write the names of its files to the
/// disk (`sync_all`).
pub(crate) fn open_directory(path: &Path) -> io::Result<File> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    #[test]
    fn only_regular_files_are_opened_and_nothing_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "text").unwrap();
        fs::create_dir(path("directory")).unwrap();
        symlink("file", path("link")).unwrap();
        assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        let _socket = UnixListener::bind(path("socket")).unwrap();
        assert_eq!(read_at_most(&path("file"), Link::Refused, 4).unwrap(), b"text");
        assert_eq!(read_at_most(&path("link"), Link::Followed, 4).unwrap(), b"text");
        assert!(read_at_most(&path("file"), Link::Refused, 3).unwrap_err().to_string().contains("at most 3"));
        for (name, found) in [
            ("directory", "a directory"),
            ("link", "a symbolic link"),
            ("pipe", "a pipe"),
            ("socket", "a socket"),
        ] {
            let error = open(&path(name), Link::Refused).unwrap_err().to_string();
            assert_eq!(error, format!("expected a regular file, found {found}"));
            let mut append = File::options();
            assert!(open_with(append.read(true).append(true), &path(name), Link::Refused).is_err(), "{name}");
        }
        assert!(open(Path::new("/dev/zero"), Link::Followed).is_err());
    }

    #[test]
    fn a_named_file_may_be_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // Nobody writes to the pipe, and the read does not wait.
        assert_eq!(read_named(&pipe, 10).unwrap(), b"");
        // Somebody writes to the pipe after a while.
        let reader =
            File::options().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(&pipe);
        let line = r#"exec 3> "$0"; sleep 0.2; printf text >&3"#;
        let mut writer = Command::new("sh").args(["-c", line]).arg(&pipe).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert_eq!(read_named(&pipe, 10).unwrap(), b"text");
        assert!(writer.wait().unwrap().success());
        drop(reader);
        assert!(read_named(folder.path(), 10).unwrap_err().to_string().contains("found a directory"));
        assert!(read_named(Path::new("/dev/zero"), 10).unwrap_err().to_string().contains("at most 10"));
    }
}
