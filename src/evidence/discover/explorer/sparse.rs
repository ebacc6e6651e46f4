//! Joins the sparse files of an archive with the indexes that Velociraptor writes beside them,
//! which state the collected ranges of a file.

use std::collections::HashMap;
use std::sync::Arc;

use super::Explorer;
use crate::evidence::collector::MOST_INDEX;
use crate::evidence::container::Content;
use crate::evidence::discover::form::SkippedFile;
use crate::evidence::discover::passed_over::pass_over;
use crate::evidence::layer::SharedSource;
use crate::evidence::spool::Spool;

/// The maximum number of bytes that all of Velociraptor's indexes of sparse files in an archive may
/// have together, because they stay in memory while the archive is listed.
const MOST_BYTES: usize = 64 << 20;

/// Velociraptor's indexes of sparse files that were found in an archive, by the paths of the files
/// to which they belong.
#[derive(Default)]
pub(super) struct SparseIndexes {
    by_file: HashMap<String, FoundIndex>,
    bytes: usize,
}

/// A Velociraptor index of a sparse file, found in an archive: the index's own name, and its text
/// or the reason why it cannot be read.
struct FoundIndex {
    name: Vec<u8>,
    text: Result<Vec<u8>, String>,
}

impl SparseIndexes {
    /// Adds Velociraptor's index of the sparse file with the path `file`. `name` is the index's own
    /// name, and `content` is where its bytes are in `archive`. The spool unpacks them. Once all
    /// indexes together have more than [`MOST_BYTES`], adds an error in place of the text.
    pub(super) fn add(
        &mut self,
        file: String,
        name: &[u8],
        content: &Result<Content, String>,
        (archive, spool): (&SharedSource, &Arc<Spool>),
    ) {
        let read = |content: &Content| {
            content.head(archive, spool, MOST_INDEX + 1).map_err(|error| error.to_string())
        };
        let mut text = content.as_ref().map_err(String::clone).and_then(read);
        self.bytes += text.as_ref().map_or(0, Vec::len);
        if self.bytes > MOST_BYTES {
            text = Err(format!("expected at most {MOST_BYTES} bytes of indexes in an archive, found more"));
        }
        self.by_file.insert(file, FoundIndex { name: name.to_vec(), text });
    }
}

impl Explorer<'_> {
    /// Looks at the files from the position `before` on in the list of found files. Gives each
    /// sparse file with a Velociraptor index in `indexes` the bytes that it had on its host. An
    /// index is counted as a skipped file if the sparse file that it describes was not found.
    pub(super) fn rebuild_sparse_files(&mut self, before: usize, mut indexes: SparseIndexes) {
        for file in self.contents.files.iter_mut().skip(before) {
            if let Some(FoundIndex { name, text }) = indexes.by_file.remove(&file.source_path) {
                file.rebuild(&String::from_utf8_lossy(&name), text);
            }
        }
        for (file, FoundIndex { name, .. }) in indexes.by_file {
            pass_over(&mut self.contents.passed_over, SkippedFile::NamedLikeLog, &name, || file);
        }
    }
}
