//! Which process events are needed, and in which blocks they lie. That follows from the GUIDs of
//! processes and their parents, which are read without decoding events.

use std::collections::HashSet;
use std::sync::Arc;

use super::ancestry::{MOST_ANCESTORS, ancestors};
use super::source::{FoundProcesses, ProcessSource};
use crate::error::SweepError;
use crate::event::Guid;
use crate::scan::{ProcessLink, ProcessSearch, ProcessTake};

/// The most events whose GUIDs are kept in memory at once: some 150 MB of them. If the logs have
/// more, they are read once for each generation of ancestors.
const MOST_LINKS: usize = 4 << 20;

/// The GUIDs in a process event, and the block that contains the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PlacedLink {
    link: ProcessLink,
    /// The position of the block in the list of the blocks that were read.
    block: u32,
}

/// Returns the processes whose events are needed: `seeds`, and all that may be their ancestors.
/// Also returns the positions of those blocks of `source` that contain events of these processes,
/// in ascending order.
pub(super) fn needed(
    source: &mut dyn ProcessSource,
    seeds: Vec<Guid>,
) -> Result<(HashSet<Guid>, Vec<u32>), SweepError> {
    needed_with(source, seeds, MOST_LINKS)
}

fn needed_with(
    source: &mut dyn ProcessSource,
    seeds: Vec<Guid>,
    most: usize,
) -> Result<(HashSet<Guid>, Vec<u32>), SweepError> {
    if seeds.is_empty() {
        return Ok(Default::default());
    }
    let every = ProcessSearch { of: None, take: ProcessTake::Links };
    let links = match links(source, &every, most)? {
        Some(links) => links,
        None => generations(source, &seeds)?,
    };
    let of = |process: &Guid| links_of(&links, *process);
    let parents = |process: &Guid| {
        of(process).map(|placed| placed.link.parent).filter(|parent| *parent != Guid::NIL).collect()
    };
    let needed: HashSet<Guid> = ancestors(seeds, parents).into_keys().collect();
    let mut holding: Vec<u32> = needed.iter().flat_map(of).map(|placed| placed.block).collect();
    holding.sort_unstable();
    holding.dedup();
    Ok((needed, holding))
}

/// Returns the links of a process. `links` are those of all processes, sorted by process; each says
/// who started a process, and in which block its event lies.
fn links_of(links: &[PlacedLink], process: Guid) -> impl Iterator<Item = &PlacedLink> {
    let first = links.partition_point(|placed| placed.link.process < process);
    links.iter().skip(first).take_while(move |placed| placed.link.process == process)
}

/// Reads the GUIDs in those process events of `source` that `search` describes, sorted. `None` if
/// there are more than `most`.
fn links(
    source: &mut dyn ProcessSource,
    search: &ProcessSearch,
    most: usize,
) -> Result<Option<Vec<PlacedLink>>, SweepError> {
    let (mut links, mut too_many) = (Vec::new(), false);
    source.read(search, None, &mut |FoundProcesses { place, links: found, events, .. }| {
        let decoded = events.iter().filter_map(|found| ProcessLink::of(&found.event));
        let wanted = decoded.filter(|link| search.includes(link.process));
        if !too_many {
            links.extend(found.iter().copied().chain(wanted).map(|link| PlacedLink { link, block: place }));
            too_many = links.len() > most;
        }
    })?;
    if too_many {
        return Ok(None);
    }
    links.sort_unstable();
    links.dedup();
    Ok(Some(links))
}

/// Reads the GUIDs in the events of `seeds`, then those in the events of their parents, and so on:
/// the whole source once for each generation.
fn generations(source: &mut dyn ProcessSource, seeds: &[Guid]) -> Result<Vec<PlacedLink>, SweepError> {
    let (mut all, mut seen): (Vec<PlacedLink>, HashSet<Guid>) = Default::default();
    let mut generation: HashSet<Guid> = seeds.iter().copied().collect();
    for _ in 0..=MOST_ANCESTORS {
        seen.extend(&generation);
        let search = ProcessSearch { of: Some(Arc::new(generation)), take: ProcessTake::Links };
        let found = links(source, &search, usize::MAX)?.expect("any number of links is kept");
        let parents = found.iter().map(|placed| placed.link.parent);
        generation = parents.filter(|parent| *parent != Guid::NIL && !seen.contains(parent)).collect();
        all.extend(found);
        if generation.is_empty() {
            break;
        }
    }
    all.sort_unstable();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::pass::{ContextFile, Pass};
    use super::*;
    use crate::config::Sweep;
    use crate::event::EventTime;
    use crate::evidence::discover::discover;
    use dnsweep_samples::process_guid;
    use dnsweep_samples::{Event, LogWriter, Style};
    use std::num::NonZeroUsize;
    use std::sync::atomic::AtomicBool;

    /// Makes a log in which each process was started by the one with half its number.
    fn log(processes: std::ops::Range<u32>, style: Style) -> Vec<u8> {
        let mut writer = LogWriter::new(style);
        for process in processes {
            let event = Event::process_create("a.exe", "a.exe", "b.exe").of_process(process);
            let event = event.with("ParentProcessGuid", process_guid(process / 2)).numbered(process.into());
            writer.push(&event).unwrap();
        }
        writer.finish()
    }

    #[test]
    fn a_pass_for_each_generation_finds_what_one_pass_for_all_finds() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("1.evtx"), log(1..2500, Style::Live)).unwrap();
        std::fs::write(folder.path().join("2.evtx"), log(2500..5000, Style::Export)).unwrap();
        std::fs::write(folder.path().join("3.evtx"), log(2..60, Style::Forwarded)).unwrap();
        let sweep = Sweep { evidence: vec![folder.path().to_path_buf()], ..Sweep::default() };
        let config = sweep.resolve(EventTime::now()).unwrap();
        let discovery = discover(&config.search(), NonZeroUsize::MIN).unwrap();
        let files: Vec<ContextFile<'_>> =
            discovery.files.iter().enumerate().map(|(number, file)| ContextFile { number, file }).collect();
        let interrupt = AtomicBool::new(false);
        let mut observer = ();
        let mut pass = Pass::new(&config, &files, &mut observer, &interrupt);
        let seeds: Vec<Guid> =
            [4999, 77].map(|process| Guid::parse(&process_guid(process).to_string()).unwrap()).to_vec();
        let mut needed = |most| needed_with(&mut pass, seeds.clone(), most).unwrap();
        let at_once = needed(MOST_LINKS);
        // 4999 halves down to 0 in 13 steps. 77 and 38 are new, and 19 is one of those steps.
        assert_eq!(at_once.0.len(), 16);
        assert_eq!(needed(10), at_once);
    }
}
