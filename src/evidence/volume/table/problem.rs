//! What can be wrong with the partition tables of a disk.

use std::fmt;

/// Something that is wrong with a partition table, and the range of the disk that has the problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The offset on the disk of the bytes that have the problem, in bytes.
    pub offset: u64,
    /// The number of bytes of the disk that have the problem.
    pub length: u64,
    /// What is wrong with the partition table.
    pub fault: Fault,
}

/// What is wrong with a partition table. Displayed as text, it says what was expected and found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The partition table or a part of it cannot be read.
    Unreadable {
        /// The error with which reading the partition table failed.
        error: String,
    },
    /// A GPT header does not begin with the signature `EFI PART`.
    GptSignature,
    /// A GPT header states sizes that no partition table has.
    GptSizes,
    /// The CRC-32 of a GPT header is not the one that the header states.
    GptHeaderChecksum {
        /// The CRC-32 that the GPT header states for itself.
        stored: u32,
        /// The CRC-32 that was computed from the bytes of the GPT header.
        computed: u32,
    },
    /// The CRC-32 of the partition entries is not the one that the GPT header states.
    GptEntriesChecksum {
        /// The CRC-32 that the GPT header states for the partition entries.
        stored: u32,
        /// The CRC-32 that was computed from the bytes of the partition entries.
        computed: u32,
    },
    /// The GPT at the start of the disk is damaged, or is missing although the MBR says that there
    /// is one. So the partitions are read from the backup GPT at the end. The offset and length of
    /// this problem are those of the backup's header.
    BackupUsed,
    /// The GPT at the start of the disk is damaged, and no sound backup GPT was found at the end.
    /// The partitions are read from the damaged GPT, as far as they make sense. The offset and
    /// length of this problem are those of the damaged GPT's header.
    DamagedUsed,
    /// The MBR in the first sector states that the disk has a GPT, but none was found.
    GptMissing,
    /// A GPT entry states a partition whose end is before its start, or whose offset or size in
    /// bytes is too large for 64 bits.
    EntryRange {
        /// The name of the partition with the impossible range, such as `p2`.
        name: String,
    },
    /// A table of logical partitions (those inside of an extended partition of an MBR) does not end
    /// with the bytes 55 AA.
    ExtendedSignature,
    /// A table of logical partitions (those inside of an extended partition of an MBR) states that
    /// the next table is one that was read before.
    ExtendedLoop,
    /// There are more tables of logical partitions (those inside of an extended partition of an
    /// MBR) than are read. The rest is ignored.
    ExtendedLength {
        /// The maximum number of tables of logical partitions that are read.
        limit: usize,
    },
    /// A partition extends beyond the end of the disk.
    OutOfDisk {
        /// The name of the partition that extends beyond the end of the disk, such as `p2`.
        name: String,
        /// The size of the disk in bytes.
        disk: u64,
    },
    /// A partition begins before another partition has ended, so that the bytes with the problem
    /// belong to both.
    Overlap {
        /// The name of the overlapping partition that begins later on the disk, such as `p2`.
        name: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Unreadable { error } => write!(f, "the partition table cannot be read: {error}"),
            Fault::GptSignature => write!(f, "expected a GPT header, which begins with EFI PART"),
            Fault::GptSizes => write!(f, "the sizes in the GPT header are not those of a partition table"),
            Fault::GptHeaderChecksum { stored, computed } => write!(
                f,
                "the checksum of the GPT header is wrong: expected {stored:08x}, found {computed:08x}"
            ),
            Fault::GptEntriesChecksum { stored, computed } => write!(
                f,
                "the checksum of the GPT entries is wrong: expected {stored:08x}, found {computed:08x}"
            ),
            Fault::BackupUsed => {
                write!(
                    f,
                    "the first GPT is damaged or missing: the partitions are those of this backup table"
                )
            }
            Fault::DamagedUsed => {
                write!(f, "both GPTs are damaged: the partitions of this one may be wrong or missing")
            }
            Fault::GptMissing => write!(f, "the first sector says that there is a GPT, and none was found"),
            Fault::EntryRange { name } => write!(f, "partition {name} ends before it begins"),
            Fault::ExtendedSignature => {
                write!(f, "expected a table of logical partitions, which ends with the bytes 55 AA")
            }
            Fault::ExtendedLoop => {
                write!(f, "the tables of logical partitions refer to each other in a circle")
            }
            Fault::ExtendedLength { limit } => {
                write!(f, "expected at most {limit} tables of logical partitions: the rest was not read")
            }
            Fault::OutOfDisk { name, disk } => {
                write!(f, "partition {name} reaches out of the disk, which has {disk} bytes")
            }
            Fault::Overlap { name } => write!(f, "partition {name} begins inside of another partition"),
        }
    }
}
