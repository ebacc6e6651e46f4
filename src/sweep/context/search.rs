//! The search for processes after all evidence was read: in the logs themselves or, after a merge,
//! in the parts.

use std::sync::atomic::AtomicBool;

use super::pass::{ContextFile, Pass};
use super::{Processes, Watched, files_to_read, processes};
use crate::config::Config;
use crate::error::SweepError;
use crate::evidence::discover::Discovery;
use crate::sweep::Observer;
use crate::sweep::parts::{PartsAgain, PartsPass};

/// Where the processes of matches are searched for.
pub(in crate::sweep) enum ProcessesFrom {
    /// In the logs, which are read a second time.
    Evidence,
    /// In the parts (files with the results of sweeps) that are merged. They contain the process
    /// events of the logs that were read for them.
    Parts(PartsAgain),
}

/// The search for the processes of matches, after all evidence was read once.
pub(in crate::sweep) struct ContextSearch<'s> {
    pub config: &'s Config,
    /// All files of the sweep.
    pub discovery: &'s Discovery,
    pub from: ProcessesFrom,
    /// When this becomes true, no further block is read.
    pub interrupt: &'s AtomicBool,
}

impl ContextSearch<'_> {
    /// Finds the processes of the matches that `watched` noted, and their ancestors. Files that
    /// cannot be read again are no error: the processes that are not found for this reason say so.
    /// `observer` gets the progress of reading logs.
    pub(in crate::sweep) fn find(
        self,
        watched: &Watched,
        observer: &mut dyn Observer,
    ) -> Result<Processes, SweepError> {
        let ContextSearch { config, discovery, from, interrupt } = self;
        let numbers = files_to_read(config, watched, discovery);
        match from {
            ProcessesFrom::Evidence => {
                let file = |number: usize| discovery.files.get(number).expect("files of the sweep");
                let files: Vec<_> =
                    numbers.into_iter().map(|number| ContextFile { number, file: file(number) }).collect();
                processes(watched, &mut Pass::new(config, &files, observer, interrupt))
            }
            ProcessesFrom::Parts(parts) => {
                processes(watched, &mut PartsPass::new(&parts, &numbers, config.threads, interrupt))
            }
        }
    }
}
