//! Reads single records of an output again from the evidence, and compares each with the hash that
//! the output has of its event.
//!
//! The evidence may have moved, and only a part of it may be at hand. A file is recognised by its
//! path in its root, and by its name of the piece of evidence where several files have that path.
//! Which of them it is does not matter in the end: a record is the same only if its event has the
//! same hash.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::VerifyError;
use crate::base::path_text::path_text;
use crate::config::{self, search};
use crate::event::RecordView;
use crate::evidence::discover::{Discovery, FileForm, LogFile, OpenLog, Unpacking, discover, resolve_roots};
use crate::report::show::{Comparison, EventPlace, RecordAgain, ShownEvent};
use crate::report::{Run, event_hash};
use crate::scan::{Recovery, XmlFile, view_record, view_xml_event};
use crate::sweep::events_at;

/// The most places of an event that are read again. Copies say nothing new.
const MOST_PLACES: usize = 8;

/// Reads records of an output again from the evidence.
pub(crate) struct RecordReader {
    discovery: Discovery,
    recovery: Recovery,
}

impl RecordReader {
    /// Lists the evidence that `roots` contain: all or some roots of the sweep that `recorded`
    /// describes, wherever they are now. `passwords` is a file with passwords for encrypted files in
    /// archives, one a line.
    pub(crate) fn new(
        roots: Vec<PathBuf>,
        recorded: &Run,
        passwords: Option<&Path>,
        threads: NonZeroUsize,
    ) -> Result<Self, VerifyError> {
        resolve_roots(&roots)?;
        let passwords = passwords.map(config::passwords).transpose()?;
        let passwords = passwords.map(|(passwords, _)| passwords).unwrap_or_default();
        let search = search(roots, &recorded.options, Unpacking { passwords, ..Unpacking::default() });
        Ok(RecordReader { discovery: discover(&search, threads)?, recovery: recorded.options.recovery })
    }

    /// Reads the records of an event again, at each of its places, and adds them to the event.
    pub(crate) fn read(&self, event: &mut ShownEvent) {
        let places = event.places.iter().take(MOST_PLACES);
        event.records = places.map(|place| self.record(place, &event.event_hash)).collect();
    }

    fn record(&self, place: &EventPlace, hash: &str) -> RecordAgain {
        let same_path = self.discovery.files.iter().filter(|file| file.source_path() == place.source_path());
        let is_named = |file: &&LogFile| self.discovery.evidence_name(file.evidence) == place.evidence();
        let (named, others): (Vec<&LogFile>, Vec<&LogFile>) = same_path.partition(is_named);
        let candidates = || named.iter().chain(&others);
        let read = |file: &&LogFile| self.record_in(file, place, hash);
        let is_same = |record: &RecordAgain| record.comparison == Comparison::Same;
        let same = candidates().map(read).find(is_same);
        same.or_else(|| candidates().next().map(read)).unwrap_or_else(|| {
            let reason = "the file is not in the evidence that was given";
            let file = format!("{}: {}", place.evidence(), place.source_path());
            let comparison = Comparison::Missing(reason.to_owned());
            RecordAgain { file, offset: place.record_offset(), comparison, view: None }
        })
    }

    fn record_in(&self, file: &LogFile, place: &EventPlace, hash: &str) -> RecordAgain {
        let root = self.discovery.roots.get(self.discovery.root_of(file.evidence));
        let root = root.map(|root| path_text(root)).unwrap_or_default();
        let source_path = file.source_path();
        // A root that is itself the file has the file's name as its last part.
        let name = if root.rsplit('/').next() == Some(&*source_path) {
            root
        } else {
            format!("{}/{source_path}", root.trim_end_matches('/'))
        };
        let offset = place.record_offset();
        let (comparison, view) = match file.open() {
            Ok(log) => (self.comparison(file, &log, offset, hash), view(file, &log, offset)),
            Err(error) => (Comparison::Missing(error.to_string()), Err(String::new())),
        };
        match view {
            Ok(view) => RecordAgain { file: name, offset, comparison, view: Some(view) },
            // What was found instead of a record says more than that no event was found.
            Err(reason) => {
                let comparison = match comparison {
                    Comparison::Missing(_) if !reason.is_empty() => Comparison::Missing(reason),
                    other => other,
                };
                RecordAgain { file: name, offset, comparison, view: None }
            }
        }
    }

    /// Reads the event at `offset` of a file as the sweep read it, and compares its hash with `hash`.
    fn comparison(&self, file: &LogFile, log: &OpenLog, offset: u64, hash: &str) -> Comparison {
        let events = events_at(file, log, offset, self.recovery);
        let hashes: Vec<String> = events.iter().map(|found| event_hash(&found.event).to_string()).collect();
        if hashes.iter().any(|found| found == hash) {
            return Comparison::Same;
        }
        match hashes.into_iter().next() {
            Some(found) => Comparison::Different(found),
            None => Comparison::Missing("no event that dnsweep reads begins there".to_owned()),
        }
    }
}

/// Returns a view of the record at `offset` of a file. The error says why there is none.
fn view(file: &LogFile, log: &OpenLog, offset: u64) -> Result<RecordView, String> {
    let view = match file.form {
        FileForm::Xml(encoding) => view_xml_event(log, offset, XmlFile { size: file.size, encoding }),
        FileForm::Log | FileForm::Carved => view_record(log, offset),
    };
    view.map_err(|error| error.to_string())
}
