//! Sparse files that Velociraptor collected: a file without its ranges of zeros, and beside it an
//! index that states where the collected ranges were in the file.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Search;
use super::explorer::Access;
use super::form::{FileForm, sparse_file_of};
use super::log_file::{InnerFile, relative_path};
use super::outer_file::OuterFiles;
use crate::base::path_text::escaped_name;
use crate::base::platform::files::Link;
use crate::base::platform::name_bytes;
use crate::evidence::collector::MOST_INDEX;
use crate::evidence::layer::{SharedSource, read_up_to};
use crate::evidence::source::ListedFile;
use crate::evidence::sparse::SparseFile;
use crate::ledger::container::Origin;
use crate::ledger::damage::{Damage, Problem};

/// Returns the path of the sparse file that the Velociraptor index at `index_path` describes, and
/// the file with the bytes that it had on its host. Returns `None` if the file at `index_path` is
/// not named like an index, if the described file is not beside it, or if `search` does not allow
/// the described file's name for an event log. `root` is the root in which both lie.
pub(super) fn sparse_file(
    search: &Search,
    access: &Access,
    root: &Path,
    index_path: &Path,
) -> Option<(PathBuf, InnerFile)> {
    let name = index_path.file_name()?;
    sparse_file_of(search, name_bytes(name))?;
    let (path, link) = (index_path.with_extension(""), search.links.link());
    let found = if link == Link::Followed { fs::metadata(&path) } else { fs::symlink_metadata(&path) };
    let listed = ListedFile::of(&found.ok().filter(Metadata::is_file)?);
    let outer = OuterFiles::new(&path, listed, link);
    let index = outer.add(index_path, &access.kept).and_then(|index| {
        let index = index.ok_or_else(|| io::Error::other("expected a regular file, found something else"))?;
        read_up_to(&*index, 0, MOST_INDEX + 1)
    });
    let mut file = InnerFile {
        form: FileForm::Log,
        source_path: relative_path(root, path.strip_prefix(root).unwrap_or(&path)),
        size: listed.state.size,
        content: Ok(outer.source(&access.kept)),
        origin: Origin::default(),
        problems: Vec::new(),
        same_as: None,
        outer: Arc::new(outer),
    };
    file.rebuild(&escaped_name(name), index.map_err(|error| error.to_string()));
    Some((path, file))
}

impl InnerFile {
    /// Gives a sparse file the bytes that it had on its host. `name` is the name of its
    /// Velociraptor index, which states the collected ranges, and `index` is the text of the index,
    /// or the reason why it cannot be read. If the index cannot be used, the file keeps the bytes
    /// that were collected, and a problem says so.
    pub(super) fn rebuild(&mut self, name: &str, index: Result<Vec<u8>, String>) {
        let Ok(collected) = self.content.clone() else { return };
        match index.and_then(|index| SparseFile::new(collected, &index)) {
            Ok(file) => {
                let file: SharedSource = Arc::new(file);
                self.size = file.size();
                self.content = Ok(file);
            }
            Err(reason) => {
                let what =
                    format!("{name}: {reason}; the file is read as it lies, without its ranges of zeros");
                let damage = Damage::Container { what };
                self.problems.push(Problem { offset: 0, length: self.size, damage });
            }
        }
    }
}
