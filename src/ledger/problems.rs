//! What is wrong with a file of the evidence. The first problems are listed, the others are only
//! counted.

use std::ops::Range;

use super::damage::{Damage, Problem};

/// The greatest number of problems that are listed for one file of the evidence. Further problems
/// are only counted: a crafted file can have two thousand in each chunk, and the ledger's memory
/// must not grow with them.
pub const MAX_LISTED_PROBLEMS: usize = 1_000;

/// The problems of a file of the evidence, or of a part of it, in the order of the file.
///
/// The first [`MAX_LISTED_PROBLEMS`] are listed, the rest are counted. Adjacent ranges with the
/// same problem become one range if the problem is that a chunk's signature is missing, that the
/// bytes are not event XML, or that the file became shorter. Appending is associative.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Problems {
    listed: Vec<Problem>,
    further: u64,
}

impl Problems {
    /// Adds a problem. Its range must lie after the ranges of all problems that were added before.
    /// If the list is full, the problem is only counted.
    pub fn push(&mut self, problem: Problem) {
        if let Some(last) = self.listed.last_mut() {
            let joins = matches!(
                (&last.damage, &problem.damage),
                (Damage::ChunkSignature { .. }, Damage::ChunkSignature { .. })
                    | (Damage::NoEventXml { .. }, Damage::NoEventXml { .. })
                    | (Damage::Shrunk, Damage::Shrunk)
            );
            if joins && self.further == 0 && last.offset + last.length == problem.offset {
                last.length += problem.length;
                return;
            }
        }
        if self.listed.len() < MAX_LISTED_PROBLEMS {
            self.listed.push(problem);
        } else {
            self.further += 1;
        }
    }

    /// Adds a problem that concerns the whole file, at the front of the list. If the list is full,
    /// the last listed problem is only counted, so that the added problem is always listed.
    pub fn put_first(&mut self, problem: Problem) {
        self.listed.insert(0, problem);
        if self.listed.len() > MAX_LISTED_PROBLEMS {
            self.listed.pop();
            self.further += 1;
        }
    }

    /// Sorts the listed problems by their offset.
    pub fn sort(&mut self) {
        self.listed.sort_by_key(|problem| problem.offset);
    }

    /// Applies `change` to the offset of each listed problem. This corrects the offsets in a file
    /// without a file header that was read as if it had one.
    pub fn change_offsets(&mut self, change: impl Fn(&mut u64)) {
        self.listed.iter_mut().for_each(|problem| change(&mut problem.offset));
    }

    /// Removes the problem "wrong checksum of the file header". A scan calls this when it finds
    /// that the file has no header at all, so that the checksum means nothing.
    pub fn drop_of_header(&mut self) {
        self.listed.retain(|problem| !matches!(problem.damage, Damage::FileHeaderChecksum { .. }));
    }

    /// Removes the problem "no chunk signature" from all bytes from `offset` on, and returns the
    /// ranges of bytes that had it. The caller knows from the file header that the log ends at
    /// `offset`, so that no chunk is expected after it. Nothing is removed if bytes from `offset`
    /// on have any other problem, or if not all problems are listed.
    #[must_use]
    pub fn take_foreign_from(&mut self, offset: u64) -> Vec<Range<u64>> {
        let is_foreign = |problem: &Problem| matches!(problem.damage, Damage::ChunkSignature { .. });
        let reaches = |problem: &Problem| problem.offset + problem.length > offset;
        if self.further > 0 || self.listed.iter().any(|problem| reaches(problem) && !is_foreign(problem)) {
            return Vec::new();
        }
        let mut taken = Vec::new();
        for problem in self.listed.iter_mut().filter(|problem| reaches(problem)) {
            let start = problem.offset.max(offset);
            taken.push(start..problem.offset + problem.length);
            problem.length = start - problem.offset;
        }
        self.listed.retain(|problem| !is_foreign(problem) || problem.length > 0);
        taken
    }

    /// Returns true if some bytes of the file could not be read, and another sweep may be able to
    /// read them. Also true if not all problems are listed, because an unlisted one may be of this
    /// kind.
    #[must_use]
    pub fn has_unread_bytes(&self) -> bool {
        let is_unread = |problem: &Problem| matches!(problem.damage, Damage::Read { .. } | Damage::Shrunk);
        self.further > 0 || self.listed.iter().any(is_unread)
    }

    /// Adds all problems of the next part of the file.
    pub fn append(&mut self, later: Problems) {
        self.append_only(later, |_| true);
    }

    /// Adds those listed problems of the next part of the file for which `is_wanted` is true.
    /// Problems of that part that are not listed are unknown, so all of them are counted.
    pub fn append_only(&mut self, later: Problems, is_wanted: impl Fn(&Problem) -> bool) {
        later.listed.into_iter().filter(is_wanted).for_each(|problem| self.push(problem));
        self.further += later.further;
    }

    /// Returns the number of all problems of the file, including those that are not listed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.listed.len() as u64 + self.further
    }

    /// Returns true if the file has no problem.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// Returns the listed problems. If there are more than are listed, a last problem
    /// ([`Damage::Further`]) counts the rest.
    pub fn iter(&self) -> impl Iterator<Item = Problem> + '_ {
        let end = self.listed.last().map_or(0, |last| last.offset + last.length);
        let further = (self.further > 0).then_some(Problem {
            offset: end,
            length: 0,
            damage: Damage::Further { count: self.further },
        });
        self.listed.iter().cloned().chain(further)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(offset: u64, length: u64) -> Problem {
        Problem { offset, length, damage: Damage::ChunkSignature { found: b"x".to_vec() } }
    }

    #[test]
    fn a_problem_of_the_whole_file_is_listed_however_many_others_there_are() {
        let mut problems = Problems::default();
        for place in 0..MAX_LISTED_PROBLEMS as u64 {
            problems.push(signature(3 * place, 1));
        }
        problems.put_first(Problem { offset: 0, length: 9, damage: Damage::Changed });
        let listed: Vec<Problem> = problems.iter().collect();
        assert_eq!(
            (listed.len(), problems.count()),
            (MAX_LISTED_PROBLEMS + 1, MAX_LISTED_PROBLEMS as u64 + 1)
        );
        assert_eq!(listed[0].damage, Damage::Changed);
    }

    #[test]
    fn neighbouring_chunks_without_signature_join() {
        let mut problems = Problems::default();
        for offset in [4096, 4096 + 65536, 4096 + 3 * 65536] {
            problems.push(signature(offset, 65536));
        }
        let ranges: Vec<_> = problems.iter().map(|problem| (problem.offset, problem.length)).collect();
        assert_eq!(ranges, [(4096, 131_072), (200_704, 65536)]);
        // The parts of a file that no longer exist, which are read separately, are joined too.
        let mut problems = Problems::default();
        for offset in [4096, 4096 + 65536] {
            problems.push(Problem { offset, length: 65536, damage: Damage::Shrunk });
        }
        assert_eq!(problems.count(), 1);
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        let mut problems = Problems::default();
        for i in 0..MAX_LISTED_PROBLEMS as u64 + 5 {
            problems.push(Problem { offset: 2 * i, length: 1, damage: Damage::Shrunk });
        }
        let last = problems.iter().last().unwrap();
        assert_eq!(last.damage, Damage::Further { count: 5 });
        assert_eq!(problems.iter().count(), MAX_LISTED_PROBLEMS + 1);
        // Unlisted problems stay counted when only some of the listed ones are added to others.
        let mut others = Problems::default();
        others.push(signature(0, 1));
        others.append_only(problems, |problem| problem.offset > 0);
        assert_eq!(
            (others.count(), others.iter().count()),
            (MAX_LISTED_PROBLEMS as u64 + 5, MAX_LISTED_PROBLEMS + 1)
        );
    }
}
