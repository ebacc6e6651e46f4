//! Limits the work that the files of an NTFS volume can cause, in whatever ways damaged or hostile
//! records refer to one another.

/// The rest of the work that listing the files of a volume may take. No real volume needs all of
/// it. Without a limit, a million files that all refer to the same records would be read for hours.
pub(super) struct Budget {
    /// The number of entries that may still be read from attribute lists, by which files name their
    /// further records.
    entries: u64,
    /// The number of clusters of deleted files that may still be looked up in the volume's bitmap.
    clusters: u64,
}

impl Budget {
    /// Returns the budget for a volume of `records` records and `clusters` clusters. It is enough
    /// for every record to be in 16 attribute lists, and for every cluster to be in four deleted
    /// files.
    pub fn of_volume(records: u64, clusters: u64) -> Self {
        Budget {
            entries: records.saturating_mul(16).saturating_add(1 << 20),
            clusters: clusters.saturating_mul(4).saturating_add(1 << 22),
        }
    }

    /// Returns a budget of work that is enough for any single file of a volume.
    pub fn of_file() -> Self {
        Budget::of_volume(0, 0)
    }

    /// Takes the reading of `count` entries of a file's attribute list (the names of its further
    /// records) from the budget. Returns false, and takes nothing, if fewer are left.
    pub fn take_entries(&mut self, count: u64) -> bool {
        take(&mut self.entries, count)
    }

    /// Takes the looking up of `count` clusters in the volume's bitmap from the budget. Returns
    /// false, and takes nothing, if fewer are left.
    pub fn take_clusters(&mut self, count: u64) -> bool {
        take(&mut self.clusters, count)
    }
}

fn take(left: &mut u64, count: u64) -> bool {
    let rest = left.checked_sub(count);
    *left = rest.unwrap_or(*left);
    rest.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_gets_less_until_nothing_is() {
        let mut budget = Budget::of_volume(10, 5);
        assert!(budget.take_entries(160) && budget.take_entries(1 << 20));
        assert!(budget.take_entries(0) && !budget.take_entries(1));
        assert!(!budget.take_clusters((1 << 22) + 21) && budget.take_clusters((1 << 22) + 20));
    }
}
