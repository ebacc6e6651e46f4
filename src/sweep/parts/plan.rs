//! A plan: a file that says what a sweep looks for and which files the evidence has, so that
//! several processes can share the sweep.
//!
//! A plan is a packed file (documents in one zstd stream), encoded with postcard: the
//! configuration, what was found in the evidence except for the files, the files in batches, and
//! the number of files.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::digest::Hasher;
use crate::config::{CarriedConfig, Config, Sweep};
use crate::error::SweepError;
use crate::event::Window;
use crate::evidence::discover::{
    Discovery, EvidenceItem, RecordedEvidence, RecordedFile, discover_observed, resolve_roots,
};
use crate::output::{
    OutputError, PackedFile, PackedKind, PackedReader, PackedWriter, PartsError, WrittenFile,
};
use crate::sweep::{Observer, listers};

/// The kind and layout of the file of a plan. The layout's number is raised whenever anything in
/// the file's documents changes.
const PLAN: PackedKind = PackedKind { name: "plan", layout: 2 };
/// The maximum number of files of the evidence that one document (an encoded item in the file of a
/// plan) lists.
const FILES_AT_ONCE: usize = 4096;
/// The number of bytes that are added to the size of each file when files are divided among shards:
/// opening a file and accounting for it takes about as long as reading this many bytes.
const OVERHEAD: u64 = 64 << 10;

/// A plan: what a sweep looks for, and the evidence, divided into shards. Several processes sweep
/// one shard each, and a merge makes one output of their results. The plan never changes, so all
/// processes look for the same in the same evidence.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The configuration of the sweep: what it looks for, and its options.
    pub(super) config: CarriedConfig,
    /// The files and containers of the evidence, as they were listed when the plan was made.
    pub(super) evidence: RecordedEvidence,
    /// The number of shards into which the evidence is divided.
    pub(super) shards: NonZeroU32,
}

/// The number of a shard of a plan (a portion of its evidence, which one process sweeps), from 1.
pub(super) type ShardNumber = NonZeroU32;

/// How many shards a plan has, and how much evidence is in them, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanSummary {
    /// The number of shards of the plan, each of which one process sweeps.
    pub shards: u32,
    /// The number of files that the plan lists, over all shards.
    pub files: u64,
    /// The number of pieces of evidence in the plan, usually one for each machine.
    pub pieces: u64,
    /// The number of archives, disk images, volumes and shadow copies in the plan's evidence.
    pub containers: u64,
    /// The number of bytes to read, over all shards.
    pub bytes: u64,
    /// The number of bytes to read in the shard that has the most.
    pub largest: u64,
    /// The number of shards without any file.
    pub empty: u32,
}

/// The first document (an encoded item) in the file of a plan: its number of shards, and what the
/// sweep looks for.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    shards: NonZeroU32,
    config: CarriedConfig,
}

/// A document (an encoded item) in the file of a plan after the first two: a batch of the plan's
/// files, or the end of the plan.
#[derive(Debug, Serialize, Deserialize)]
enum FilesDocument {
    /// The next files of the plan, in evidence order.
    Files(Vec<RecordedFile>),
    /// The end of the plan, with the number of its files.
    End(u64),
}

impl Plan {
    /// Makes a plan for the sweep `request`: lists the evidence, to be divided into `shards`
    /// shards. `config` must have been made of `request`. Fails if the evidence cannot be listed,
    /// or if `interrupt` becomes true.
    pub fn make(
        request: &Sweep,
        mut config: Config,
        shards: NonZeroU32,
        observer: &mut dyn Observer,
        interrupt: &Arc<AtomicBool>,
    ) -> Result<Self, SweepError> {
        let roots = resolve_roots(&config.roots)?;
        let carried = CarriedConfig::of(request, &config, &roots)?;
        config.unpacking.spool.interrupt = Arc::clone(interrupt);
        let listed =
            discover_observed(&config.search(), listers(&config), &mut |found| observer.listing(found));
        observer.finished();
        if interrupt.load(Ordering::Relaxed) {
            return Err(SweepError::Interrupted);
        }
        Ok(Plan { config: carried, evidence: RecordedEvidence::of(listed?), shards })
    }

    /// Returns the number of shards.
    #[must_use]
    pub fn shards(&self) -> u32 {
        self.shards.get()
    }

    /// Returns the paths of the roots of the evidence, absolute on the machine on which the plan
    /// was made.
    pub fn roots(&self) -> impl Iterator<Item = &Path> {
        self.evidence.roots.iter().map(|root| root.path.as_path())
    }

    /// Returns `number`, counted from 1, as the number of a shard; `None` if the plan has no shard
    /// with this number.
    #[must_use]
    pub fn shard(&self, number: u32) -> Option<ShardNumber> {
        ShardNumber::new(number).filter(|number| *number <= self.shards)
    }

    /// Returns the plan that the part (the file with the results) of a whole sweep contains. It has
    /// one shard, the configuration `config` with the period `window`, and what `discovery` found
    /// except for the files.
    pub(in crate::sweep) fn of_sweep(
        mut config: CarriedConfig,
        window: Window,
        discovery: &Discovery,
    ) -> Self {
        config.window = window;
        Plan { config, evidence: RecordedEvidence::frame_of(discovery), shards: NonZeroU32::MIN }
    }

    /// Writes the plan to the file `path`, which must not lie in the evidence. If this fails, no
    /// incomplete file is left.
    pub fn write(&self, path: &Path) -> Result<WrittenFile, OutputError> {
        let roots: Vec<PathBuf> = self.evidence.roots.iter().map(|root| root.path.clone()).collect();
        let (file, mut writer) = PackedFile::create(path, &roots, PLAN)?;
        self.push_documents(&mut writer, self.evidence.files.iter().cloned())?;
        file.complete(writer)
    }

    /// Reads the plan in the file `path`. Also returns the SHA-256 that identifies the plan, in
    /// hexadecimal digits.
    pub fn read(path: &Path) -> Result<(Self, String), PartsError> {
        Self::read_documents(&mut PackedReader::open(path, PLAN)?)
    }

    /// Adds the plan's documents (encoded items) to a packed file. `files` are the plan's files, in
    /// evidence order.
    pub(super) fn push_documents(
        &self,
        writer: &mut PackedWriter,
        mut files: impl Iterator<Item = RecordedFile>,
    ) -> Result<(), OutputError> {
        writer.push(&[&encoded(&Head { shards: self.shards, config: self.config.clone() })])?;
        writer.push(&[&encoded(&self.evidence.without_files())])?;
        let mut count = 0;
        loop {
            let batch: Vec<RecordedFile> = files.by_ref().take(FILES_AT_ONCE).collect();
            if batch.is_empty() {
                return writer.push(&[&encoded(&FilesDocument::End(count))]);
            }
            count += batch.len() as u64;
            writer.push(&[&encoded(&FilesDocument::Files(batch))])?;
        }
    }

    /// Reads a plan from the next documents (encoded items) of a packed file. Also returns the
    /// SHA-256 of these documents, which identifies the plan.
    pub(super) fn read_documents(reader: &mut PackedReader) -> Result<(Self, String), PartsError> {
        let mut hasher = Hasher::default();
        let Head { shards, config } = next(reader, &mut hasher)?;
        let mut evidence: RecordedEvidence = next(reader, &mut hasher)?;
        loop {
            match next(reader, &mut hasher)? {
                FilesDocument::Files(files) => evidence.files.extend(files),
                FilesDocument::End(files) if files == evidence.files.len() as u64 => break,
                FilesDocument::End(_) => return Err(reader.wrong("it is damaged: files are missing")),
            }
        }
        evidence.check().map_err(|what| reader.wrong(format!("it is damaged: {what}")))?;
        Ok((Plan { config, evidence, shards }, hasher.finish()))
    }

    /// Returns the numbers of the plan's shards, files and bytes, for messages.
    #[must_use]
    pub fn summary(&self) -> PlanSummary {
        let items = self.evidence.items();
        let mut sizes = vec![0; self.shards.get() as usize];
        let mut filled = vec![false; sizes.len()];
        for (item, shard) in items.iter().zip(self.shards_of(&items)) {
            *sizes.get_mut(shard as usize).expect("items lie in shards of the plan") += item.bytes;
            *filled.get_mut(shard as usize).expect("items lie in shards of the plan") = true;
        }
        PlanSummary {
            shards: self.shards.get(),
            files: self.evidence.files.len() as u64,
            pieces: self.evidence.pieces.len() as u64,
            containers: self.evidence.containers.len() as u64,
            bytes: sizes.iter().sum(),
            largest: sizes.iter().copied().max().unwrap_or_default(),
            empty: u32::try_from(filled.iter().filter(|filled| !**filled).count()).unwrap_or(u32::MAX),
        }
    }

    /// Returns the shard, counted from 0, of each of `items` (files in folders, and outermost
    /// containers). All shards get about the same number of bytes, so that they take about the same
    /// time.
    fn shards_of(&self, items: &[EvidenceItem]) -> Vec<u32> {
        shards_of(items, self.shards)
    }

    /// Returns the number of the shard of each of the plan's files, counted from 0.
    pub(super) fn shards_of_files(&self) -> Vec<u32> {
        let items = self.evidence.items();
        let mut shards = vec![0; self.evidence.files.len()];
        for (item, shard) in items.iter().zip(self.shards_of(&items)) {
            shards.get_mut(item.files.clone()).expect("items have files of the plan").fill(shard);
        }
        shards
    }

    /// Returns what one shard consists of, in evidence order: files in folders, and outermost
    /// containers with all files in them.
    pub(super) fn items_of(&self, shard: ShardNumber) -> Vec<EvidenceItem> {
        let items = self.evidence.items();
        let shards = self.shards_of(&items);
        let own = items.into_iter().zip(shards).filter(|(_, of)| of + 1 == shard.get());
        own.map(|(item, _)| item).collect()
    }
}

/// Returns the number of the shard, from 0, to which each of `items` is assigned. The items are
/// assigned from the largest to the smallest, each to the shard that has the fewest bytes so far.
/// For each file of an item, `OVERHEAD` is added to its bytes.
fn shards_of(items: &[EvidenceItem], shards: NonZeroU32) -> Vec<u32> {
    let weight = |item: &EvidenceItem| item.bytes.saturating_add(OVERHEAD * item.files.len().max(1) as u64);
    let mut order: Vec<usize> = (0..items.len()).collect();
    let weight_at = |place: usize| items.get(place).map_or(0, weight);
    order.sort_by_key(|place| (Reverse(weight_at(*place)), *place));
    let mut loads: BinaryHeap<Reverse<(u64, u32)>> =
        (0..shards.get()).map(|shard| Reverse((0, shard))).collect();
    let mut shards = vec![0; items.len()];
    for place in order {
        let mut lightest = loads.peek_mut().expect("there is at least one shard");
        let Reverse((load, shard)) = &mut *lightest;
        *load = load.saturating_add(weight_at(place));
        *shards.get_mut(place).expect("the places are those of the items") = *shard;
    }
    shards
}

/// Reads the next document (an encoded item) of a plan from its file, and adds the document's bytes
/// to the hash that identifies the plan. Fails if there is none, or if it is damaged.
fn next<T: DeserializeOwned>(reader: &mut PackedReader, hasher: &mut Hasher) -> Result<T, PartsError> {
    let Some(document) = reader.next_document()? else {
        return Err(reader.wrong("it is incomplete: make it anew"));
    };
    hasher.update(document);
    postcard::from_bytes(document)
        .map_err(|error| reader.wrong(format!("it is damaged ({error}): make it anew")))
}

/// Encodes a document (an item of the file) of a plan or of a part with postcard.
pub(super) fn encoded(document: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(document)
        .expect("numbers, texts, lists and maps of known length can all be written to memory")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shards_have_about_the_same_number_of_bytes(
            sizes in prop::collection::vec(0..1_000_000_u64, 0..200),
            shards in 1..9_u32,
        ) {
            let item = |(file, bytes): (usize, &u64)| EvidenceItem::of_file(file, *bytes);
            let items: Vec<EvidenceItem> = sizes.iter().enumerate().map(item).collect();
            let assigned = shards_of(&items, NonZeroU32::new(shards).unwrap());
            prop_assert_eq!(assigned.len(), items.len());
            let mut loads = vec![0; shards as usize];
            for (size, shard) in sizes.iter().zip(&assigned) {
                loads[*shard as usize] += size + OVERHEAD;
            }
            let largest = sizes.iter().max().map_or(0, |size| size + OVERHEAD);
            let (most, least) = (loads.iter().max().unwrap(), loads.iter().min().unwrap());
            prop_assert!(most - least <= largest, "{:?}", loads);
        }
    }
}
