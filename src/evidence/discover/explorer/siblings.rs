//! The folder of a disk image. If an image consists of several files, those after the first are
//! looked for there. The folder can be one of the evidence, of an archive, or of a volume.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::evidence::container::image::Siblings;
use crate::evidence::discover::outer_file::OuterFiles;
use crate::evidence::discover::segments::{first_names, may_be_of_image};
use crate::evidence::kept::{Kept, OnDemand};
use crate::evidence::layer::SharedSource;
use crate::evidence::volume::ntfs::Ntfs;

/// The maximum number of files of an archive or a volume that are remembered because they may be
/// files of disk images. An E01 image has at most some 14,000 files.
const MOST_FILES: usize = 20_000;

/// The folder of a disk image, in which the image's other files are looked for. Threads share it.
pub(super) type SharedFolder = Arc<dyn Siblings + Send + Sync>;

/// The folder of a disk image that is a file of the evidence itself. Image formats open the other
/// files of the image in this folder. Each file that is opened is recorded as one that the
/// container consists of.
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

/// A folder in which no file is found, for a file that cannot be part of a disk image in several
/// files, such as one that was packed alone.
pub(super) struct NoFolder;

impl Siblings for NoFolder {
    fn open(&self, _name: &str) -> io::Result<Option<SharedSource>> {
        Ok(None)
    }
}

/// The files of an archive that may be files of disk images, by their paths. For each, has the
/// source of the file's bytes, or the reason why they cannot be read.
#[derive(Default)]
pub(super) struct ArchiveFiles(HashMap<Vec<u8>, Result<SharedSource, String>>);

impl ArchiveFiles {
    /// Adds the file at `path` in the archive. If a file with this path was added before, that one
    /// stays. Once there are [`MOST_FILES`] files, no further file is added.
    pub(super) fn add(&mut self, path: &[u8], content: &Result<SharedSource, String>) {
        if self.0.len() < MOST_FILES {
            self.0.entry(path.to_vec()).or_insert_with(|| content.clone());
        }
    }
}

/// A folder of an archive. If a disk image in the folder consists of several files, this value
/// finds and opens those after the first.
pub(super) struct ArchiveFolder {
    files: Arc<ArchiveFiles>,
    /// The path of the folder in the archive, with the separator at its end. Empty for the
    /// archive's root.
    folder: Vec<u8>,
}

impl ArchiveFolder {
    /// Returns the folder of the archive that contains the file at `path`. `files` are the
    /// archive's files that may belong to disk images.
    pub(super) fn of(files: &Arc<ArchiveFiles>, path: &[u8]) -> Self {
        let end = path.iter().rposition(|byte| matches!(byte, b'/' | b'\\')).map_or(0, |place| place + 1);
        let folder = path.get(..end).unwrap_or_default().to_vec();
        ArchiveFolder { files: Arc::clone(files), folder }
    }

    fn get(&self, name: &str) -> Option<&Result<SharedSource, String>> {
        self.files.0.get(&[&self.folder, name.as_bytes()].concat())
    }

    /// Returns true if the file `name` of the folder is the second or a later file of a disk image
    /// whose first file lies in the folder as well. It then need not be read alone, because it is
    /// read with the first file.
    pub(super) fn has_first_file_of(&self, name: &[u8]) -> bool {
        first_names(name).any(|first| self.get(&first).is_some())
    }
}

impl Siblings for ArchiveFolder {
    fn open(&self, name: &str) -> io::Result<Option<SharedSource>> {
        self.get(name).cloned().transpose().map_err(io::Error::other)
    }
}

/// The files of a volume (in its live state, or in that of a shadow copy) that may be files of disk
/// images. They are listed when one of them is first looked for, because few volumes contain images
/// in several files.
pub(super) struct VolumeFiles {
    ntfs: Arc<Ntfs>,
    kept: Arc<Kept>,
    /// For each file, by its path from the volume's root: the number of its first record in the
    /// master file table, and its size in bytes.
    files: OnceLock<HashMap<String, (u64, u64)>>,
}

impl VolumeFiles {
    pub(super) fn new(ntfs: Arc<Ntfs>, kept: Arc<Kept>) -> Self {
        VolumeFiles { ntfs, kept, files: OnceLock::new() }
    }

    fn get(&self, path: &str) -> Option<(u64, u64)> {
        let list = || {
            let wanted = |name: &str| may_be_of_image(name.as_bytes());
            let files = self.ntfs.files(&wanted);
            let regular =
                files.filter(|file| !file.is_deleted && file.stream.is_none() && file.obstacle.is_none());
            let mut by_path = HashMap::new();
            for file in regular.take(MOST_FILES) {
                by_path.entry(file.path).or_insert((file.record, file.size));
            }
            by_path
        };
        self.files.get_or_init(list).get(path).copied()
    }
}

/// A folder of a volume, in the volume's live state or in that of a shadow copy. It finds and opens
/// the second and later files of a disk image in the folder that consists of several files.
pub(super) struct VolumeFolder {
    files: Arc<VolumeFiles>,
    /// The path of the folder from the volume's root, with `/` at its end. Empty for the root.
    folder: String,
}

impl VolumeFolder {
    /// Returns the folder of the volume that contains the file at `path`, which must be escaped
    /// like `NtfsFile::path`. `files` are the volume's files that may belong to disk images.
    pub(super) fn of(files: &Arc<VolumeFiles>, path: &str) -> Self {
        let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        VolumeFolder { files: Arc::clone(files), folder }
    }

    fn get(&self, name: &str) -> Option<(u64, u64)> {
        // The paths of a volume have this letter escaped.
        self.files.get(&format!("{}{}", self.folder, name.replace('!', "\\x21")))
    }

    /// Returns true if the file `name` of the folder is the second or a later file of a disk image
    /// whose first file lies in the folder as well. It then need not be read alone, because it is
    /// read with the first file.
    pub(super) fn has_first_file_of(&self, name: &[u8]) -> bool {
        first_names(name).any(|first| self.get(&first).is_some())
    }
}

impl Siblings for VolumeFolder {
    fn open(&self, name: &str) -> io::Result<Option<SharedSource>> {
        let Some((record, size)) = self.get(name) else { return Ok(None) };
        let ntfs = Arc::clone(&self.files.ntfs);
        let open = move || ntfs.open_stream(record, None);
        Ok(Some(Arc::new(OnDemand::new(&self.files.kept, size, open))))
    }
}
