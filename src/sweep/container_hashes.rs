//! Hashes the files of the evidence that are containers or parts of one, such as the segments of a
//! disk image. A hash shows later that these files are still those that were seized.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Observer;
use crate::base::in_order::in_order;
use crate::error::SweepError;
use crate::evidence::discover::{Discovery, FoundContainer};

/// The weight of a container when containers are divided among threads. Threads take work in
/// batches; with this weight, each container is a batch of its own, so that none waits for another.
const WEIGHT: u64 = 1 << 20;

/// Computes the SHA-256 of each file of the evidence that is a container or a part of one, such as
/// a segment of a disk image, on this number of threads. Adds it to the containers' accounts. When
/// `interrupt` becomes true, the files that remain get no SHA-256.
pub(super) fn hash_containers(
    discovery: &mut Discovery,
    threads: NonZeroUsize,
    observer: &mut dyn Observer,
    interrupt: &AtomicBool,
) -> Result<(), SweepError> {
    let outer = |(place, found): (usize, &FoundContainer)| Some((place, Arc::clone(found.outer.as_ref()?)));
    let files: Vec<_> = discovery.containers.iter().enumerate().filter_map(outer).collect();
    in_order(
        threads,
        files.into_iter(),
        |_| WEIGHT,
        |(place, outer)| {
            let hashes = outer.hashes(|| interrupt.load(Ordering::Relaxed));
            (place, outer.size(), hashes)
        },
        |(place, bytes, hashes)| {
            let found = discovery.containers.get_mut(place).expect("the places are those of the list");
            let mut hashes = hashes.into_iter();
            found.report.sha256 = hashes.next().and_then(|(_, sha256)| sha256);
            for (name, sha256) in hashes {
                if let Some(part) = found.report.parts.iter_mut().find(|part| part.name == name) {
                    part.sha256 = sha256;
                }
            }
            observer.advanced(bytes, 0);
            Ok(())
        },
    )
}
