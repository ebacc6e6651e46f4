//! Limits the work that the files of an NTFS volume can cause, because damaged or hostile records
//! can refer to one another in any way.

/// The work that listing the files of an NTFS volume may still take. No real volume needs all of
/// it. Without this limit, a volume with a million files that all refer to the same records of the
/// master file table would be read for hours.
pub(super) struct Budget {
    /// The number of entries that may still be read from attribute lists. An attribute list names
    /// the records of a file in the master file table.
    entries: u64,
    /// The number of clusters of deleted files that may still be looked up in the volume's bitmap,
    /// which tells if other files use them by now.
    clusters: u64,
}

impl Budget {
    /// Returns the budget for a volume with `records` records in its master file table and
    /// `clusters` clusters. It is enough for every record to be named in 16 attribute lists (the
    /// lists of the records of a file), and for every cluster to belong to four deleted files.
    pub fn of_volume(records: u64, clusters: u64) -> Self {
        Budget {
            entries: records.saturating_mul(16).saturating_add(1 << 20),
            clusters: clusters.saturating_mul(4).saturating_add(1 << 22),
        }
    }

    /// Returns a budget of work that is enough to read the records of any single file in a volume's
    /// master file table.
    pub fn of_file() -> Self {
        Budget::of_volume(0, 0)
    }

    /// Subtracts `count` entries of a file's attribute list from the budget, before they are read.
    /// (The list names the file's records in the master file table.) Returns false, and subtracts
    /// nothing, if the budget has fewer left: the caller must then not read the entries.
    pub fn take_entries(&mut self, count: u64) -> bool {
        take(&mut self.entries, count)
    }

    /// Subtracts `count` clusters from the budget, before they are looked up in the volume's
    /// bitmap. Returns false, and subtracts nothing, if the budget has fewer left: the caller must
    /// then not look the clusters up.
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
