//! A slow twin of the reader of snapshots, with which tests compare it. It applies the rules for
//! reading a snapshot to each 512 bytes alone.

use super::image::Image;

const BLOCK: usize = 16384;
const PART: usize = 512;

/// A slow and simple reader of the snapshots (shadow copies) of a volume. Tests compare what it
/// reads with what the fast reader of dnsweep reads. `image` describes the volume, and `live` has
/// the volume's bytes.
pub struct Twin<'i> {
    pub image: &'i Image,
    pub live: &'i [u8],
}

/// What the block list of a snapshot's store says about one block: where its content from the time
/// of the snapshot is kept.
#[derive(Default)]
struct Known {
    /// Where the content of the whole block is: the number of a block on the live volume (`Ok`) or
    /// in the next newer snapshot (`Err`). `None` if the snapshot's store does not say.
    kept: Option<Result<u64, u64>>,
    overlay: Option<(u64, u32)>,
}

impl Twin<'_> {
    pub fn snapshot(&self, number: usize) -> Vec<u8> {
        (0..self.live.len())
            .step_by(PART)
            .flat_map(|at| self.part(number - 1, at, number - 1))
            .copied()
            .collect()
    }

    /// Returns what all entries in the block list of a snapshot's store together say about the
    /// block with the number `wanted`. Also returns true if the entries say that content of another
    /// block was moved to that block. `store` is the position of the snapshot, from 0 for the
    /// oldest.
    fn known(&self, store: usize, wanted: u64) -> (Known, bool) {
        let mut known = Known::default();
        let mut led: Vec<(u64, u64)> = Vec::new();
        for entry in &self.image.stores[store].descriptors {
            let has = |flag| entry.flags & flag != 0;
            if has(4) {
                continue;
            }
            if has(2) {
                if entry.original == wanted {
                    let overlay = known.overlay.get_or_insert((entry.stored, 0));
                    overlay.1 |= entry.parts;
                }
                continue;
            }
            let mut original = entry.original;
            if let Some(index) = led.iter().position(|(to, _)| *to == original) {
                original = led.remove(index).1;
            }
            if has(1) && original == entry.relative {
                continue;
            }
            if original == wanted {
                known.kept = Some(if has(1) { Err(entry.relative) } else { Ok(entry.stored) });
            }
            if has(1) {
                led.retain(|(to, _)| *to != entry.relative);
                led.push((entry.relative, original));
            }
        }
        (known, led.iter().any(|(to, _)| *to == wanted))
    }

    /// Returns 512 bytes as they were at the offset `at` of the volume when a snapshot was taken.
    /// `state` is the position of this snapshot, from 0 for the oldest, or the number of snapshots
    /// for the live volume. The function calls itself for newer snapshots, and `active` stays the
    /// position of the snapshot that the caller reads. Only that snapshot uses its overlays (blocks
    /// that are kept in part) and reads unused blocks as zeros.
    fn part(&self, state: usize, at: usize, active: usize) -> &[u8] {
        let volume = |block: u64| {
            let at = usize::try_from(block).unwrap() * BLOCK + at % BLOCK;
            &self.live[at..at + PART]
        };
        let Some(store) = self.image.stores.get(state) else { return &self.live[at..at + PART] };
        let block = (at / BLOCK) as u64;
        let (known, is_led_to) = self.known(state, block);
        if let Some((stored, parts)) = known.overlay
            && state == active
            && parts >> (at % BLOCK / PART) & 1 == 1
        {
            return volume(stored);
        }
        let is_newest = state + 1 == self.image.stores.len();
        match known.kept {
            Some(Ok(stored)) => volume(stored),
            Some(Err(to)) => self.part(state + 1, usize::try_from(to).unwrap() * BLOCK + at % BLOCK, active),
            None if is_newest && state == active && !is_led_to && {
                let is_set = |bitmap: &Vec<u64>| bitmap.contains(&block);
                is_set(&store.bitmap) && store.previous_bitmap.as_ref().is_none_or(is_set)
            } =>
            {
                &[0; PART]
            }
            None => self.part(state + 1, at, active),
        }
    }
}
