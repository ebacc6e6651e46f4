//! Whether a sweep writes a part, and the numbers of files in it. What goes into a part is decided
//! by the worker, and the file is written by `parts`.

/// Whether a sweep writes a part (a file from which `dnsweep merge` makes an output), and by which
/// numbers the part identifies the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeavesPart<'a> {
    /// The sweep writes no part (a file from which `dnsweep merge` makes an output).
    No,
    /// The sweep writes a part (a file from which `dnsweep merge` makes an output). A file's number
    /// in the part is the file's position among all files to read.
    Yes,
    /// The sweep reads one shard of a plan (one of the shares into which the plan divides the
    /// evidence), and writes a part (a file to be merged). A file's number in the part is its
    /// position among all files of the plan. Contains this number for each file to read, in order.
    OfShard(&'a [usize]),
}

impl LeavesPart<'_> {
    /// Returns a file's number in the part (the file from which outputs are merged); `None` if the
    /// sweep writes no part. `position` is the file's position among all files to read.
    pub(super) fn number(self, position: usize) -> Option<u64> {
        match self {
            LeavesPart::No => None,
            LeavesPart::Yes => Some(position as u64),
            LeavesPart::OfShard(numbers) => {
                Some(*numbers.get(position).expect("each file of a shard has a number") as u64)
            }
        }
    }
}
