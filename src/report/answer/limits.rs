//! How much an answer lists of what a sweep found. What is not listed is only counted.

/// How much an answer (what a sweep's output says about the hosts) lists of what the sweep found.
/// What is not listed is only counted. The limits bound the memory that an answer needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of hosts in each of three lists: hosts with matches, hosts that are not
    /// cleared, and hosts with leads.
    pub hosts: usize,
    /// The maximum number of hosts in the list of cleared hosts: those whose absence of matches can
    /// be relied on.
    pub cleared: usize,
    /// The maximum number of matches in the lists of all hosts together. One place is reserved for
    /// each listed host: for its first match. If there are more hosts than places, only the worst
    /// hosts have a match.
    pub matches: usize,
    /// The maximum number of matches that are listed for one host. The earliest are listed.
    pub matches_of_host: usize,
    /// The maximum number of rows of detections' `stats` tables (matches, grouped and counted) that
    /// are listed for one host.
    pub groups: usize,
    /// The maximum number of days with matches that are counted for each host.
    pub days: usize,
    /// The maximum number of values in each list of values, such as queried names.
    pub values: usize,
    /// The maximum number of patterns in the list of patterns with hits inside labels: hits in
    /// which the pattern's text is not whole labels of the queried name.
    pub patterns: usize,
    /// The maximum number of processes in the process trees of all hosts together. For each listed
    /// host, places are reserved for a process of a match and its ancestors. If the places do not
    /// suffice for all hosts, only the worst hosts have a tree.
    pub processes: usize,
    /// The maximum number of processes that are listed in the process tree of one host.
    pub processes_of_host: usize,
    /// The maximum number of anomalies, and the maximum number of notes: in the list over all
    /// hosts, and in the list of each host.
    pub remarks: usize,
}

impl Limits {
    /// How much is listed in a summary that fills one or two screens.
    pub const SUMMARY: Limits = Limits {
        hosts: 40,
        cleared: 0,
        matches: 40 + 5 * 4,
        matches_of_host: 5,
        groups: 0,
        days: 0,
        values: 8,
        patterns: 20,
        processes: 40 * 17 + 4 * 60,
        processes_of_host: 60,
        remarks: 20,
    };
    /// How much is listed in a JSON document that programs read.
    pub const DOCUMENT: Limits = Limits {
        hosts: 1000,
        cleared: 1000,
        matches: 10_000,
        matches_of_host: 100,
        groups: 0,
        days: 100,
        values: 20,
        patterns: 1000,
        processes: 10_000,
        processes_of_host: 200,
        remarks: 100,
    };
    /// How much is listed for CSV with one row for each host.
    pub const TABLE: Limits = Limits {
        hosts: 100_000,
        cleared: 500_000,
        matches: 200_000,
        matches_of_host: 1,
        groups: 0,
        days: 0,
        values: 1,
        patterns: 0,
        processes: 0,
        processes_of_host: 0,
        remarks: 3,
    };
    /// How much is listed if the answer is about a single host.
    pub const HOST: Limits = Limits {
        hosts: 100,
        cleared: 100,
        matches: 100_000,
        matches_of_host: 100_000,
        groups: 10_000,
        days: 1000,
        values: 100,
        patterns: 100,
        processes: 100_000,
        processes_of_host: 100_000,
        remarks: 100,
    };
    /// How much is listed in the complete summary, which has all hosts (`--full`).
    pub const FULL: Limits = Limits {
        hosts: 100_000,
        cleared: 500_000,
        matches: 200_000,
        matches_of_host: 100_000,
        groups: 0,
        days: 0,
        values: 1000,
        patterns: 1000,
        processes: 100_000,
        processes_of_host: 20_000,
        remarks: 1000,
    };
    /// How much is listed in an HTML page, so that a browser can show it.
    pub const PAGE: Limits = Limits {
        hosts: 5000,
        cleared: 5000,
        // The page reads the matches and groups them itself.
        matches: 0,
        matches_of_host: 0,
        groups: 0,
        days: 0,
        values: 0,
        patterns: 20,
        processes: 20_000,
        processes_of_host: 60,
        remarks: 200,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::SUMMARY
    }
}
