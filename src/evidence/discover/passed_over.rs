//! Counts files that discovery skips.

use super::extension::Extension;
use super::form::SkippedFile;
use crate::ledger::tally::{EventFormFiles, SkippedCounts};

/// Counts a regular file that discovery skips: by its kind, and by its extension if that is well
/// known (see [`Extension`]). `path` returns the file's path as text. It is called only for files
/// of events in a form that dnsweep does not read, of which one path is kept as an example. These
/// files are not counted by extension.
pub(super) fn pass_over(
    passed_over: &mut SkippedCounts,
    kind: SkippedFile,
    name: &[u8],
    path: impl FnOnce() -> String,
) {
    *match kind {
        SkippedFile::Container => &mut passed_over.containers,
        SkippedFile::NamedLikeLog => &mut passed_over.side_files,
        SkippedFile::Other => &mut passed_over.other_files,
        SkippedFile::Events(form) => {
            let files = passed_over.event_forms.entry(form).or_default();
            files.merge(EventFormFiles { files: 1, first: path() });
            return;
        }
    } += 1;
    if let Some(extension) = Extension::of(name).name() {
        *passed_over.extensions.entry(extension.into()).or_default() += 1;
    }
}
