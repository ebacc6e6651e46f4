//! Finds the logs of a shadow copy that have the same bytes in the next newer state of the volume.
//! They need not be read again.
//!
//! Both states must have the file under the same record and path, and its stream in the same
//! clusters. The stores of the shadow copies, which keep the old content of overwritten blocks,
//! must not show that one of these clusters has changed in between. If anything is not certain, the
//! log counts as changed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::evidence::discover::form::FileForm;
use crate::evidence::volume::ntfs::{Ntfs, NtfsFile};
use crate::evidence::volume::vss;

/// Identifies a stream in each state of a volume (the live one, and those of shadow copies): the
/// number of the file's first record in the master file table, and the name of the stream.
type StreamKey = (u64, Option<String>);

/// The logs of a volume in its live state or in that of a shadow copy, without deleted logs, for
/// comparison with the next older state.
pub(super) struct StateLogs {
    ntfs: Arc<Ntfs>,
    logs: HashMap<StreamKey, ListedLog>,
}

/// A log of a volume, in its live state or in that of a shadow copy, as it is remembered for
/// comparison with the next older state.
struct ListedLog {
    /// The path of the log from the volume's root.
    path: String,
    /// The form in which the log is read: as an event log, as event XML, or as bytes that are
    /// searched for chunks of event logs.
    form: FileForm,
    /// The path of the log from the root of the evidence.
    source_path: String,
}

impl StateLogs {
    /// Returns an empty list of logs for `ntfs`, which is the live state of a volume or that of a
    /// shadow copy.
    pub(super) fn new(ntfs: Arc<Ntfs>) -> Self {
        StateLogs { ntfs, logs: HashMap::new() }
    }

    /// Adds a log that is not deleted and can be opened. `source_path` is its path from the root of
    /// the evidence.
    pub(super) fn add(&mut self, file: &NtfsFile, form: FileForm, source_path: String) {
        let log = ListedLog { path: file.path.clone(), form, source_path };
        self.logs.insert((file.record, file.stream.clone()), log);
    }
}

/// What is needed to compare a shadow copy with the next newer state of its volume: the next newer
/// shadow copy, or the live volume.
pub(super) struct NewerState<'v> {
    /// The logs of the volume in the next newer state, with which a shadow copy is compared: those
    /// of the next newer shadow copy, or of the live volume.
    pub(super) logs: &'v StateLogs,
    /// All shadow copies of the volume. They tell which bytes changed between two states.
    pub(super) copies: &'v vss::ShadowCopies,
    /// The number of the shadow copy that is compared with the next newer state. The oldest shadow
    /// copy of the volume has number 1.
    pub(super) number: usize,
}

impl NewerState<'_> {
    /// Looks for the log in the newer state that has the same bytes as `file`, and returns the
    /// log's path from the root of the evidence. `file` is a file of the shadow copy `ntfs`, and is
    /// read in the form `form`. Returns `None` if there is no log with the same bytes, or if that
    /// is not certain.
    pub(super) fn same_log(&self, ntfs: &Ntfs, file: &NtfsFile, form: FileForm) -> Option<String> {
        if file.is_deleted || file.obstacle.is_some() || !file.problems.is_empty() {
            return None;
        }
        let (record, stream) = (file.record, file.stream.as_deref());
        let newer = self.logs.logs.get(&(record, file.stream.clone()))?;
        let is_same_file = newer.path == file.path && newer.form == form;
        let places = ntfs.places(record, stream).filter(|_| is_same_file)?;
        let is_in_place = self.logs.ntfs.places(record, stream)? == places;
        let is_kept = |range| !self.copies.is_changed(self.number, range);
        (is_in_place && places.ranges().all(is_kept)).then(|| newer.source_path.clone())
    }
}
