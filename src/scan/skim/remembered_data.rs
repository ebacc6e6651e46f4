//! Remembers template definitions of `EventData` from chunk to chunk.
//!
//! Each chunk of a log has definitions of its own, at other places than the chunk before, but they
//! mostly have the same bytes. They differ only where they refer to the names of elements and
//! attributes (such as `Data`), which lie elsewhere in the chunk. A definition that equals a known
//! one, except for these references, and whose names are the same, means the same. Comparing it
//! takes a fraction of the time that reading it takes.

use std::ops::Range;

use crate::scan::evtx::binxml::{DEFINITION_HEADER_SIZE, definition_end};
use crate::scan::evtx::chunk::CHUNK_HEADER_SIZE;
use crate::scan::evtx::log::{u16_at, u32_at};

/// The maximum number of different names of elements and attributes in a definition that is
/// remembered: `EventData`, `Data` and `Name`. A definition with more is not remembered.
const MOST_NAMES: usize = 3;

/// A template definition of `EventData` that was read in an earlier chunk. It is kept to recognise
/// equal definitions in later chunks.
#[derive(Debug)]
pub(in crate::scan) struct RememberedData {
    /// The bytes of the remembered template definition, without its header.
    tokens: Vec<u8>,
    /// For each byte of the remembered template definition, without its header: 0 if the byte
    /// belongs to a reference to the name of an element or attribute, otherwise 255.
    mask: Vec<u8>,
    /// For each reference to a name in the remembered template definition: the offset of the
    /// reference in the definition after its header, in bytes, and the index of the name in
    /// `names`.
    references: Vec<(usize, usize)>,
    /// The names of elements and attributes to which the remembered template definition refers,
    /// each once, as UTF-16 text.
    names: Vec<Vec<u8>>,
}

impl RememberedData {
    /// Remembers the definition at `offset` in a chunk, which was read and understood. `references`
    /// are the offsets, in the chunk, of all references to names in the definition. `None` if a
    /// name does not lie outside of the definition, or if there are more than [`MOST_NAMES`]
    /// different names.
    pub(in crate::scan) fn new(chunk: &[u8], offset: usize, references: &[usize]) -> Option<Self> {
        let range = tokens(chunk, offset)?;
        let tokens = chunk.get(range.clone())?.to_vec();
        let mut remembered = RememberedData {
            mask: vec![0xff; tokens.len()],
            tokens,
            references: Vec::new(),
            names: Vec::new(),
        };
        for reference in references {
            let name = name_at(chunk, *reference, &range)?;
            let known = remembered.names.iter().position(|known| known == name);
            let index = known.unwrap_or(remembered.names.len());
            if known.is_none() {
                remembered.names.push(name.to_vec());
            }
            let at = reference.checked_sub(range.start)?;
            remembered.mask.get_mut(at..at + 4)?.fill(0);
            remembered.references.push((at, index));
        }
        (remembered.names.len() <= MOST_NAMES).then_some(remembered)
    }

    /// Returns whether the definition at `offset` in `chunk` means the same as the remembered one:
    /// both have the same bytes, except in references to names, and the references are to the same
    /// names. All of the definition must lie before the offset `end`.
    pub(in crate::scan) fn is_at(&self, chunk: &[u8], offset: usize, end: usize) -> bool {
        let Some(range) = tokens(chunk, offset).filter(|range| range.end <= end) else { return false };
        let Some(tokens) = chunk.get(range.clone()) else { return false };
        if tokens.len() != self.tokens.len() {
            return false;
        }
        // Without an early exit, the loop is compiled to vector instructions.
        let bytes = tokens.iter().zip(&self.tokens).zip(&self.mask);
        let differing = bytes.fold(0, |all, ((byte, known), mask)| all | (byte ^ known) & mask);
        differing == 0 && self.has_names(chunk, &range)
    }

    /// Returns whether the references in the definition that fills `range` of the chunk are to the
    /// same names as those in the remembered definition.
    fn has_names(&self, chunk: &[u8], range: &Range<usize>) -> bool {
        // Nearly all references are to a place that was examined.
        let mut places: [Option<u32>; MOST_NAMES] = [None; MOST_NAMES];
        self.references.iter().all(|(at, index)| {
            let reference = range.start + at;
            let Some((place, name)) = places.get_mut(*index).zip(self.names.get(*index)) else {
                return false;
            };
            let found = u32_at(chunk, reference);
            if place.is_some() && *place == found {
                return true;
            }
            *place = found;
            name_at(chunk, reference, range) == Some(name)
        })
    }
}

/// Returns the range in the chunk of the template definition at `offset`, without its header.
/// `None` if the chunk ends before the number that states the definition's size does.
fn tokens(chunk: &[u8], offset: usize) -> Option<Range<usize>> {
    Some(offset + DEFINITION_HEADER_SIZE..definition_end(chunk, offset)?)
}

/// Returns the name to which the four bytes at `reference` in the chunk refer, as UTF-16 text.
/// `None` if the name does not lie in the chunk, or lies in the range `within`.
fn name_at<'c>(chunk: &'c [u8], reference: usize, within: &Range<usize>) -> Option<&'c [u8]> {
    let offset = usize::try_from(u32_at(chunk, reference)?).ok()?;
    // The header of a name: the next name in its hash bucket, its hash, its length.
    let start = offset.checked_add(8)?;
    let end = start + usize::from(u16_at(chunk, offset + 6)?) * 2;
    let is_outside = offset >= within.end || end <= within.start;
    if offset >= CHUNK_HEADER_SIZE && is_outside { chunk.get(start..end) } else { None }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use dnsweep_samples::{Event, LogWriter, Style};
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::scan::evtx::template::{data_template, data_template_with_names};

    /// Returns a chunk with a DNS query, some other queries, and the start and the end of a
    /// process, and the offsets of those definitions of their data whose names lie elsewhere in the
    /// chunk.
    fn chunk(queries: usize) -> (Vec<u8>, Vec<usize>) {
        let mut writer = LogWriter::new(Style::Live);
        for _ in 0..=queries {
            writer.push(&Event::dns_query("example.com", "a.exe")).unwrap();
        }
        writer.push(&Event::process_create("a.exe", "a.exe -x", "b.exe")).unwrap();
        writer.push(&Event::process_terminate("a.exe")).unwrap();
        let mut chunk = writer.finish().split_off(4096);
        chunk.truncate(65536);
        let names = |at: &usize| data_template_with_names(&chunk, *at, chunk.len())?.1;
        let offsets = (CHUNK_HEADER_SIZE..chunk.len()).filter(|at| names(at).is_some()).collect();
        (chunk, offsets)
    }

    /// A chunk whose definitions are remembered.
    static KNOWN: LazyLock<(Vec<u8>, Vec<usize>)> = LazyLock::new(|| chunk(0));
    /// A chunk with the same definitions at other places.
    static OTHER: LazyLock<(Vec<u8>, Vec<usize>)> = LazyLock::new(|| chunk(3));

    fn remembered(chunk: &[u8], offset: usize) -> RememberedData {
        let (_, names) = data_template_with_names(chunk, offset, chunk.len()).unwrap();
        RememberedData::new(chunk, offset, &names.unwrap()).unwrap()
    }

    #[test]
    fn a_definition_is_known_at_another_place() {
        let ((first, offsets), (second, others)) = (&*KNOWN, &*OTHER);
        assert_eq!((offsets.len(), others.len()), (2, 2));
        for (offset, other) in offsets.iter().zip(others) {
            assert_ne!(offset, other);
            let known = remembered(first, *offset);
            assert!(known.is_at(second, *other, second.len()));
            assert!(!known.is_at(second, *other, other + 100), "it reaches over the end");
            assert!(others.iter().filter(|at| *at != other).all(|at| !known.is_at(
                second,
                *at,
                second.len()
            )));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]
        #[test]
        fn a_changed_definition_is_known_only_if_it_means_the_same(
            which in any::<Index>(),
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
            is_in_names in any::<bool>(),
        ) {
            let ((known_chunk, offsets), (other_chunk, others)) = (&*KNOWN, &*OTHER);
            let mut changed = other_chunk.clone();
            let place = which.index(offsets.len());
            let (offset, other) = (offsets[place], others[place]);
            let known = remembered(known_chunk, offset);
            // The first definition has the names, and the last byte of the changed one is near.
            let range = if is_in_names { CHUNK_HEADER_SIZE..CHUNK_HEADER_SIZE + 2500 } else { tokens(&changed, other).unwrap() };
            for (at, byte) in changes {
                changed[range.start + at.index(range.len())] = byte;
            }
            if known.is_at(&changed, other, changed.len()) {
                let anew = data_template(&changed, other, changed.len());
                prop_assert_eq!(anew, data_template(known_chunk, offset, known_chunk.len()));
            }
        }
    }
}
