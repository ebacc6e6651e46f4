//! Opens the files that are read again for processes: as the sweep listed them or, after a merge of
//! parts, as they are listed again.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::pass::ContextFile;
use super::{Processes, Watched, files_to_read, processes};
use crate::config::Config;
use crate::error::SweepError;
use crate::evidence::discover::{Discovery, RecordedEvidence, Relisted, Search, resolve_roots};
use crate::sweep::listers;

/// How the evidence of a sweep can be read again.
pub(in crate::sweep) enum Reread {
    /// The files can be opened as the sweep listed them.
    Listed,
    /// The files were recorded, perhaps by other processes, and must be listed again. Contains what
    /// was recorded, and the paths that the roots have on this machine.
    Recorded(Box<RecordedEvidence>, Vec<PathBuf>),
}

/// The search for the processes of matches, after all evidence was read once.
pub(in crate::sweep) struct ContextSearch<'s> {
    pub config: &'s Config,
    /// All files of the sweep.
    pub discovery: &'s Discovery,
    pub reread: &'s Reread,
    /// When this becomes true, no further block is read.
    pub interrupt: &'s AtomicBool,
}

impl ContextSearch<'_> {
    /// Finds the processes of the matches that `watched` noted, and their ancestors. Files that
    /// cannot be read again are no error: the processes that are not found for this reason say so.
    pub(in crate::sweep) fn find(&self, watched: &Watched) -> Result<Processes, SweepError> {
        let numbers = files_to_read(self.config, watched, self.discovery);
        let relisted = match self.reread {
            Reread::Listed => None,
            Reread::Recorded(evidence, roots) => self.list_again(evidence, roots, &numbers),
        };
        let Some(Relisted { discovery, files, .. }) = relisted else {
            return processes(self.config, watched, &self.as_listed(&numbers), self.interrupt);
        };
        let listed = files.into_iter().zip(&discovery.files);
        let wanted = listed.filter(|(number, _)| numbers.binary_search(number).is_ok());
        let files: Vec<_> = wanted.map(|(number, file)| ContextFile { number, file }).collect();
        processes(self.config, watched, &files, self.interrupt)
    }

    /// Returns the files with these numbers as the sweep knows them. Files that were only recorded
    /// cannot be opened.
    fn as_listed(&self, numbers: &[usize]) -> Vec<ContextFile<'_>> {
        let file = |number: usize| self.discovery.files.get(number).expect("files of the sweep");
        numbers.iter().map(|number| ContextFile { number: *number, file: file(*number) }).collect()
    }

    /// Lists the recorded files with these numbers again, and what lies in the same containers.
    /// `None` if the evidence is not there.
    fn list_again(
        &self,
        evidence: &RecordedEvidence,
        roots: &[PathBuf],
        numbers: &[usize],
    ) -> Option<Relisted> {
        let roots = resolve_roots(roots).ok()?;
        let search = Search { roots, ..self.config.search() };
        let holds_one = |files: &std::ops::Range<usize>| {
            let next = numbers.partition_point(|number| *number < files.start);
            numbers.get(next).is_some_and(|number| files.contains(number))
        };
        let items: Vec<_> = evidence.items().into_iter().filter(|item| holds_one(&item.files)).collect();
        evidence.list_again(&search, &items, listers(self.config)).ok()
    }
}
