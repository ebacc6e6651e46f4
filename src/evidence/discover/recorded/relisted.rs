//! Lists recorded evidence again, so that it can be read. The process that sweeps one shard of a
//! plan does this for the files and containers of its shard.

use std::num::NonZeroUsize;
use std::path::Path;

use super::place::{RecordedPlace, RootPlaces};
use super::{EvidenceItem, RecordedEvidence, RecordedFile};
use crate::evidence::EvidenceError;
use crate::evidence::discover::builder::DiscoveryBuilder;
use crate::evidence::discover::evidence::EvidenceId;
use crate::evidence::discover::explorer::Access;
use crate::evidence::discover::listed::Listing;
use crate::evidence::discover::listing::list_again;
use crate::evidence::discover::log_file::LogFile;
use crate::evidence::discover::{Discovery, FoundContainer, Search};

/// The reason that is reported for a file that cannot be read because it, or the content of its
/// container, is no longer as the plan (which divides a sweep into shards) records it.
const CHANGED: &str =
    "the evidence changed after the plan was made: what the plan lists here is no longer there";

/// Items of evidence (files in folders, and outermost containers) that a plan lists, and that were
/// looked up in the evidence again so that they can be read.
#[derive(Debug)]
pub struct Relisted {
    /// The files and containers of the items (files in folders, and outermost containers) that were
    /// listed again. Each belongs to the piece of evidence that is recorded for it.
    pub discovery: Discovery,
    /// For each file of `discovery`, its position in the list of all files that the plan records.
    /// Counted from 0.
    pub files: Vec<usize>,
    /// For each container of `discovery`, its position in the list of all containers that the plan
    /// records. Counted from 0.
    pub containers: Vec<usize>,
    /// For each root, how many of its items (files in folders, and outermost containers) were
    /// listed again, and how many of these were not there.
    absent: Vec<[u64; 2]>,
}

impl Relisted {
    /// Fails if none of the items that were listed again in one of the roots is there any more,
    /// although the root itself is: the evidence is probably not mounted. If only some items are
    /// missing, that is not an error, and their files are reported as unreadable.
    pub fn check_presence(&self) -> Result<(), EvidenceError> {
        let roots = self.discovery.roots.iter().zip(&self.absent);
        match roots.into_iter().find(|(_, [listed, absent])| *listed > 0 && listed == absent) {
            None => Ok(()),
            Some((root, [files, _])) => Err(EvidenceError::Absent { root: root.clone(), files: *files }),
        }
    }
}

impl RecordedEvidence {
    /// Lists items (files in folders, and outermost containers) again, so that they can be read.
    /// The roots of `search` must be the recorded ones, in the same order, but can lie in another
    /// place now. A file that is no longer as it was recorded cannot be opened, or counts as
    /// changed.
    pub fn list_again(
        &self,
        search: &Search,
        items: &[EvidenceItem],
        threads: NonZeroUsize,
    ) -> Result<Relisted, EvidenceError> {
        let (mut builder, access) = (DiscoveryBuilder::new(search, &search.roots), Access::new(search));
        let mut relisted = Relisted {
            discovery: Discovery { roots: search.roots.clone(), ..self.frame() },
            files: Vec::new(),
            containers: Vec::new(),
            absent: vec![[0, 0]; self.roots.len()],
        };
        let roots = RootPlaces::of(&self.roots);
        let (mut rest, places) = (items.iter(), items.iter().map(|item| self.place_of(item, &roots)));
        list_again(search.roots.clone(), places, (search, &access), threads, |listing| {
            let item = rest.next().expect("each item is listed once");
            self.add_item((item, listing), &roots, &mut builder, &mut relisted);
            Ok(())
        })?;
        Ok(relisted)
    }

    /// Adds the files and containers of an item to `relisted`, as they were listed again. If they
    /// are no longer as recorded, adds the files and containers as they were recorded. These files
    /// cannot be opened.
    fn add_item(
        &self,
        (item, listing): (&EvidenceItem, Option<Listing>),
        roots: &RootPlaces,
        builder: &mut DiscoveryBuilder,
        relisted: &mut Relisted,
    ) {
        let (files, containers) = listing.map(|listing| builder.take(listing)).unwrap_or_default();
        let recorded = self.files.get(item.files.clone()).unwrap_or_default();
        let reports = self.containers.get(item.containers.clone()).unwrap_or_default();
        let is_same = files.len() == recorded.len()
            && files.iter().zip(recorded).all(|(found, recorded)| recorded.is(found, item.opened.is_some()))
            && containers
                .iter()
                .map(|found| &found.report.source_path)
                .eq(reports.iter().map(|known| &known.report.source_path));
        let files_there = files.iter().filter(|file| file.obstacle.is_none()).count() + containers.len();
        if is_same {
            let placed = |(file, recorded): (LogFile, &RecordedFile)| LogFile {
                evidence: EvidenceId::at(recorded.piece),
                // A file of another size counts as changed.
                size: recorded.size,
                ..file
            };
            relisted.discovery.files.extend(files.into_iter().zip(recorded).map(placed));
        } else {
            let missing = recorded.iter().map(|file| file.clone().into_log_file(roots, Some(CHANGED)));
            relisted.discovery.files.extend(missing);
        }
        let mut outer = containers.into_iter().filter(|_| is_same).map(|found| found.outer);
        relisted.discovery.containers.extend(reports.iter().map(|known| FoundContainer {
            evidence: EvidenceId::at(known.piece),
            report: known.report.clone(),
            outer: outer.next().flatten(),
        }));
        if let Some((root, _)) = self.place_of(item, roots) {
            let is_absent = !is_same || files_there == 0;
            let [listed, absent] = relisted.absent.get_mut(root).expect("items lie in recorded roots");
            *listed += 1;
            *absent += u64::from(is_absent);
        }
        relisted.files.extend(item.files.clone());
        relisted.containers.extend(item.containers.clone());
    }

    /// Returns what must be listed for an item: the position of the root that it lies in, and its
    /// path from the root. Returns `None` if discovery already failed to list the item.
    fn place_of(&self, item: &EvidenceItem, roots: &RootPlaces) -> Option<(usize, &Path)> {
        if let Some(opened) = item.opened {
            return self.opened.get(opened).map(|opened| (opened.root, opened.relative.as_path()));
        }
        let file = self.files.get(item.files.start).filter(|file| file.obstacle.is_none())?;
        match &file.place {
            RecordedPlace::Folder(relative) => Some((roots.of_piece(file.piece), relative)),
            RecordedPlace::Container(_) => None,
        }
    }
}
