//! The search for the processes of matches, after all evidence was read: in the logs themselves or,
//! in a merge, in the parts (files with the results of sweeps or shards).

use std::sync::atomic::AtomicBool;

use super::first_reading::FirstReading;
use super::links::LinkSearch;
use super::pass::Pass;
use super::{Processes, files_to_read, processes};
use crate::config::Config;
use crate::error::SweepError;
use crate::evidence::discover::Discovery;
use crate::output::OutputDirectory;
use crate::sweep::Observer;
use crate::sweep::parts::{PartsAgain, PartsPass};

/// Where the processes of matches are searched for.
pub(in crate::sweep) enum ProcessesFrom {
    /// The processes are searched for in the logs. The first reading of the logs notes the GUIDs in
    /// their process events; the events that are needed are read again.
    Evidence,
    /// The processes are searched for in the parts (files with the results of sweeps) that are
    /// merged. The parts contain the process events of the logs that were read for them.
    Parts(PartsAgain),
}

/// The search for the processes of matches. It notes GUIDs while the evidence is read for the first
/// time, and finds the processes afterwards.
pub(in crate::sweep) struct ContextSearch<'s> {
    pub config: &'s Config,
    /// All files of the sweep.
    pub discovery: &'s Discovery,
    /// The output directory. A temporary file can be made beside its tables.
    pub output: &'s OutputDirectory,
    pub from: ProcessesFrom,
    /// When this becomes true, nothing further is read.
    pub interrupt: &'s AtomicBool,
}

impl ContextSearch<'_> {
    /// Returns an empty collection, in which the caller notes what this search needs while the
    /// evidence is read for the first time.
    pub(in crate::sweep) fn first_reading(&self) -> FirstReading {
        FirstReading::new(&self.output.temporary())
    }

    /// Finds the processes of the matches that the first reading noted, and their ancestors. A file
    /// that cannot be read again is not an error: the status of a process that is not found for
    /// this reason says so. `observer` gets the progress of reading logs again.
    pub(in crate::sweep) fn find(
        self,
        first: FirstReading,
        observer: &mut dyn Observer,
    ) -> Result<Processes, SweepError> {
        let ContextSearch { config, discovery, from, interrupt, .. } = self;
        let FirstReading { watched, mut links, mut not_noted } = first;
        let files = files_to_read(config, &watched, discovery);
        let search = LinkSearch { files: &files, interrupt };
        match from {
            ProcessesFrom::Evidence => {
                not_noted.retain(|place| files.binary_search(&place.file()).is_ok());
                let mut pass = Pass::new((config, discovery), not_noted, observer, interrupt);
                processes(&watched, &mut links, &search, &mut pass)
            }
            ProcessesFrom::Parts(parts) => {
                let mut pass = PartsPass::new(&parts, &files, config.threads, interrupt);
                processes(&watched, &mut links, &search, &mut pass)
            }
        }
    }
}
