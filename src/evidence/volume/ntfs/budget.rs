//! How much work a volume's files may take together, however they refer to each other.

/// What is left of the work that listing a volume may take. No real volume needs as much; without
/// a limit, a million files that all name the same records would be read for hours.
pub(super) struct Budget {
    /// Entries of attribute lists that may still be read.
    entries: u64,
    /// Clusters of deleted files that may still be looked up in the bitmap.
    clusters: u64,
}

impl Budget {
    /// Enough for a volume of so many records and clusters: every record in 16 lists, and every
    /// cluster in four deleted files.
    pub fn of_volume(records: u64, clusters: u64) -> Self {
        Budget {
            entries: records.saturating_mul(16).saturating_add(1 << 20),
            clusters: clusters.saturating_mul(4).saturating_add(1 << 22),
        }
    }

    /// Enough for any one file.
    pub fn of_file() -> Self {
        Budget::of_volume(0, 0)
    }

    /// Takes entries of an attribute list. Returns false if fewer are left.
    pub fn take_entries(&mut self, count: u64) -> bool {
        take(&mut self.entries, count)
    }

    /// Takes clusters to be looked up. Returns false if fewer are left.
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
