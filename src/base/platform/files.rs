//! Files that are opened with care.
//!
//! Between the moment a file is listed and the moment it is opened, something else can take its
//! place: a pipe, which would keep the program waiting for somebody to write into it, or a link,
//! which would lead it elsewhere. Nothing here waits for a pipe or a device, and everything is
//! looked at once more when it is open.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

/// The most bytes that are read of `run.json` or of a list of paths: room for more than a million
/// paths.
pub(crate) const MOST_LIST_BYTES: u64 = 256 << 20;

/// What becomes of a link in the place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// The link is not followed: nothing is opened.
    Refused,
    /// The link is followed.
    Followed,
}

/// Why a file is not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOpened {
    /// Something else than a regular file has its name.
    #[error("expected a regular file, found {0}")]
    Kind(&'static str),
    /// The system refuses.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl From<NotOpened> for io::Error {
    fn from(error: NotOpened) -> Self {
        match error {
            NotOpened::System(error) => error,
            kind @ NotOpened::Kind(_) => io::Error::other(kind),
        }
    }
}

/// Opens a regular file for reading.
pub(crate) fn open(path: &Path, link: Link) -> Result<File, NotOpened> {
    open_with(File::options().read(true), path, link)
}

/// Opens a regular file, in the way that `options` say.
pub(crate) fn open_with(options: &mut OpenOptions, path: &Path, link: Link) -> Result<File, NotOpened> {
    let nofollow = if link == Link::Refused { OFlags::NOFOLLOW } else { OFlags::empty() };
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | nofollow;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path).map_err(|error| {
        // A link ends in ELOOP, a socket and a device without a driver in ENXIO.
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::LOOP | Errno::NXIO) => kind_at(path).map_or(error.into(), NotOpened::Kind),
            _ => error.into(),
        }
    })?;
    match kind(file.metadata()?.file_type()) {
        None => Ok(file),
        Some(kind) => Err(NotOpened::Kind(kind)),
    }
}

/// Reads bytes that lie `offset` bytes into a file; returns how many, which may be fewer than
/// `buffer` has room for.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

/// Fills `buffer` with bytes that lie `offset` bytes into a file.
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(buffer, offset)
}

/// What has a name that is not a regular file's.
fn kind_at(path: &Path) -> Option<&'static str> {
    fs::symlink_metadata(path).ok().and_then(|metadata| kind(metadata.file_type()))
}

/// What a file is, in words; `None` of a regular one.
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

/// The bytes of a regular file that must have at most so many.
pub(crate) fn read_at_most(path: &Path, link: Link, most: u64) -> io::Result<Vec<u8>> {
    all_of(open(path, link)?, most)
}

/// The bytes of what somebody named on the command line: a regular file, by whatever links, or a
/// pipe, such as a shell makes of `<(command)`. A pipe that nobody has open for writing is empty.
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
        // It is open now; whoever writes into it may take their time.
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    }
    all_of(file, most)
}

/// All that can be read, if that is at most so many bytes.
pub(crate) fn all_of(reader: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("expected at most {most} bytes, found more")));
    }
    Ok(bytes)
}

/// Opens a directory, to have the system put it on the disk.
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
    fn only_regular_files_are_opened_and_nothing_is_waited_for() {
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
    fn what_is_named_may_be_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // Nobody writes into it, and nobody is waited for.
        assert_eq!(read_named(&pipe, 10).unwrap(), b"");
        // Somebody does, and takes their time.
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
