//! The folders of an NTFS volume, from which the paths of files are made.

use super::file::FileName;
use super::name::push_name;
use super::record::{Record, Reference};

/// The number of the record of a volume's root folder in the master file table.
const ROOT: u64 = 5;
/// The maximum number of folders that the path of a file on a volume may have. A longer chain of
/// parent folders is damage, and the file counts as one whose folders are lost.
const MOST_DEPTH: usize = 256;
/// The first part of the path of a file of which not all folders are known.
const ORPHAN: &str = "$Orphan";

/// The names of all folders of a volume. Each folder takes 40 bytes of memory, and the bytes of its
/// name.
#[derive(Default)]
pub(super) struct Folders {
    /// The folders of the volume. They are sorted by the numbers of their first records once all
    /// have been added.
    folders: Vec<Folder>,
    names: String,
}

/// A folder of a volume: its record, the folder that it is in, and its name.
struct Folder {
    record: u64,
    parent: Reference,
    sequence: u16,
    is_in_use: bool,
    /// The offset of the folder's name in `Folders::names`, and the length of the name, in bytes.
    name: (usize, u16),
}

/// The path of a file on an NTFS volume, and whether it is complete.
pub(super) struct Path {
    /// The text of the file's path, with `/` between its parts.
    pub text: String,
    /// True if one of the folders that the file lies in is lost. The path then begins with
    /// `$Orphan`, followed by the folders below the lost one.
    pub is_orphan: bool,
}

impl Folders {
    /// Adds a folder that has the name `name`. Its first record in the master file table is
    /// `record`, which has the number `number`.
    pub fn add(&mut self, number: u64, record: Record<'_>, name: &FileName<'_>) {
        self.add_named(number, record.sequence(), record.is_in_use(), name.parent, name.name);
    }

    /// Adds a folder. `record` and `sequence` are the number and the sequence number of its first
    /// record in the master file table. `is_in_use` is false if the folder is deleted. `parent` is
    /// the folder that it is in, and `name` is its name in UTF-16.
    pub fn add_named(&mut self, record: u64, sequence: u16, is_in_use: bool, parent: Reference, name: &[u8]) {
        let start = self.names.len();
        push_name(&mut self.names, name);
        let length = u16::try_from(self.names.len() - start).unwrap_or(u16::MAX);
        self.folders.push(Folder { record, parent, sequence, is_in_use, name: (start, length) });
    }

    /// Returns the memory that the collected folders take, in bytes.
    pub fn memory(&self) -> usize {
        self.folders.len() * size_of::<Folder>() + self.names.len()
    }

    /// Sorts the folders. Must be called after all folders are added, and before the first path is
    /// requested.
    pub fn finish(&mut self) {
        self.folders.sort_by_key(|folder| folder.record);
    }

    fn get(&self, record: u64) -> Option<&Folder> {
        let place = self.folders.binary_search_by_key(&record, |folder| folder.record).ok()?;
        self.folders.get(place)
    }

    /// Returns the path of the file that has the name `name`, made of the names of its folders.
    pub fn path(&self, name: &FileName<'_>) -> Path {
        let mut seen = Vec::new();
        let mut parts = Vec::new();
        let mut parent = name.parent;
        let mut is_orphan = false;
        while parent.record != ROOT {
            let folder = self.get(parent.record).filter(|folder| {
                // A folder's record that another folder has by now is not the parent.
                parent.means(folder.sequence, folder.is_in_use)
                    && parts.len() < MOST_DEPTH
                    && !seen.contains(&folder.record)
            });
            let Some(folder) = folder else {
                is_orphan = true;
                break;
            };
            let (start, length) = folder.name;
            parts.push(self.names.get(start..start + usize::from(length)).unwrap_or_default());
            seen.push(folder.record);
            parent = folder.parent;
        }
        if is_orphan {
            parts.push(ORPHAN);
        }
        let mut text = String::new();
        for part in parts.into_iter().rev() {
            text.push_str(part);
            text.push('/');
        }
        push_name(&mut text, name.name);
        Path { text, is_orphan }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(record: u64, sequence: u16) -> Reference {
        Reference { record, sequence }
    }

    /// Returns the path of a file `f` that lies in the folder `parent`, and true if one of its
    /// folders is lost.
    fn path(folders: &Folders, parent: Reference) -> (String, bool) {
        let path = folders.path(&FileName { parent, is_short: false, name: b"f\0" });
        (path.text, path.is_orphan)
    }

    #[test]
    fn a_path_goes_through_the_folders_that_the_references_mean() {
        let mut folders = Folders::default();
        folders.add_named(41, 8, false, reference(40, 2), b"b\0!\0");
        folders.add_named(40, 2, true, reference(5, 5), b"a\0");
        folders.add_named(42, 1, true, reference(43, 1), b"c\0");
        folders.add_named(43, 1, true, reference(42, 1), b"d\0");
        folders.finish();
        let found = |record, sequence| path(&folders, reference(record, sequence));
        assert_eq!(found(5, 5), ("f".into(), false));
        assert_eq!(found(40, 2), ("a/f".into(), false));
        // A deleted folder: its sequence number has counted on.
        assert_eq!(found(41, 7), ("a/b\\x21/f".into(), false));
        for (record, sequence) in [(40, 1), (40, 3), (41, 6), (99, 1)] {
            assert_eq!(found(record, sequence), ("$Orphan/f".into(), true));
        }
        // Folders that are in each other.
        assert_eq!(found(42, 1), ("$Orphan/d/c/f".into(), true));
    }

    #[test]
    fn a_path_ends_at_the_greatest_depth() {
        let mut folders = Folders::default();
        for record in 100..1100 {
            folders.add_named(record, 1, true, reference(record + 1, 1), b"x\0");
        }
        folders.finish();
        let (text, is_orphan) = path(&folders, reference(100, 1));
        assert_eq!((text.len(), is_orphan), ("$Orphan/".len() + 2 * MOST_DEPTH + 1, true));
    }
}
