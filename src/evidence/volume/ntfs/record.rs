//! Records of the master file table of an NTFS volume.

use super::attribute::Attributes;
use crate::evidence::volume::fields::{length16_at, length32_at, u16_at, u64_at};

/// A reference to a record of the master file table: its number, and its sequence number when the
/// reference was made. By the sequence number, a record that another file uses by now is
/// recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference {
    /// The number of the record, which is its position in the master file table.
    pub record: u64,
    /// The sequence number that the record had when the reference was made: how often its place had
    /// been used again for another file.
    pub sequence: u16,
}

impl Reference {
    /// Reads a reference from the eight bytes at `offset`: 48 bits for the number, and 16 bits for
    /// the sequence number. Returns `None` if `bytes` ends before the reference does.
    pub fn at(bytes: &[u8], offset: usize) -> Option<Self> {
        let number = u64_at(bytes, offset)? & 0xFFFF_FFFF_FFFF;
        Some(Reference { record: number, sequence: u16_at(bytes, offset + 6)? })
    }

    /// Returns true if a record of the master file table still belongs to the file that it belonged
    /// to when the reference was made. `sequence` is the present sequence number of the record, and
    /// `in_use` is false if the record is free. When a file is deleted, the sequence number of its
    /// record grows by one, so a free record may also have the number that follows the reference's.
    pub fn means(self, sequence: u16, in_use: bool) -> bool {
        let next = self.sequence.checked_add(1).unwrap_or(1);
        sequence == self.sequence || !in_use && sequence == next
    }
}

/// What the place of a record in the master file table contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordState {
    /// A sound record of the master file table, of which all sectors were written together.
    Good,
    /// Only zeros, because no record was ever written to this place in the master file table.
    Unused,
    /// Something that is not a record of the master file table, or a record that `chkdsk` has
    /// marked as bad.
    NoRecord,
    /// A record of the master file table that was written only in part: the marks at the ends of
    /// its sectors differ.
    Torn,
}

/// Checks the marks at the ends of the sectors of a record of the master file table, and replaces
/// them by the bytes that belong in their places (NTFS calls this "fixup"). `sector` is the size of
/// a sector in bytes. Returns the state of the record. If it is not [`RecordState::Good`], the
/// record must not be used.
pub(super) fn restore(record: &mut [u8], sector: u64) -> RecordState {
    if !record.starts_with(b"FILE") {
        let is_unused = record.iter().all(|byte| *byte == 0);
        return if is_unused { RecordState::Unused } else { RecordState::NoRecord };
    }
    if restore_ends(record, sector).is_some() { RecordState::Good } else { RecordState::Torn }
}

/// Replaces the marks that NTFS puts at the ends of the sectors of a record of the master file
/// table by the bytes that belong in their places. `sector` is the size of a sector in bytes.
/// Returns `None` if a mark is wrong or lies outside of the record.
fn restore_ends(record: &mut [u8], sector: u64) -> Option<()> {
    let (array, count) = (length16_at(record, 4)?, length16_at(record, 6)?);
    let strides = count.checked_sub(1)?;
    // The marks are 512 bytes apart whatever the sector size; some formatters used the sector's.
    let stride = if strides * 512 == record.len() { 512 } else { usize::try_from(sector).ok()? };
    if strides * stride != record.len() {
        return None;
    }
    let mark: [u8; 2] = *record.get(array..)?.first_chunk()?;
    for place in 1..=strides {
        let original: [u8; 2] = *record.get(array + 2 * place..)?.first_chunk()?;
        let end = record.get_mut(place * stride - 2..place * stride)?;
        if *end != mark {
            return None;
        }
        end.copy_from_slice(&original);
    }
    Some(())
}

/// A record of the master file table, after the marks that NTFS puts at the ends of its sectors
/// were replaced by the original bytes (see [`restore`]).
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'r>(pub &'r [u8]);

impl<'r> Record<'r> {
    /// Returns the sequence number of the record of the master file table: how often it was used
    /// again for another file.
    pub fn sequence(self) -> u16 {
        u16_at(self.0, 16).unwrap_or_default()
    }

    /// Returns true if the record of the master file table is in use, and false if it is that of a
    /// deleted file.
    pub fn is_in_use(self) -> bool {
        u16_at(self.0, 22).unwrap_or_default() & 1 != 0
    }

    /// Returns true if the record of the master file table belongs to a folder, and false if it
    /// belongs to a file.
    pub fn is_folder(self) -> bool {
        u16_at(self.0, 22).unwrap_or_default() & 2 != 0
    }

    /// Returns a reference to the file's first record in the master file table, if this is a
    /// further record of the file. Returns `None` if this is the first record of a file.
    pub fn base(self) -> Option<Reference> {
        // An extension of record 0, the table itself, has a sequence number.
        Reference::at(self.0, 32).filter(|base| base.record != 0 || base.sequence != 0)
    }

    /// Returns an iterator over the attributes (names, streams and other data of a file) in this
    /// record of the master file table.
    pub fn attributes(self) -> Attributes<'r> {
        let used = length32_at(self.0, 24).unwrap_or_default();
        let bytes = self.0.get(..used).unwrap_or(self.0);
        Attributes::new(bytes, length16_at(self.0, 20).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a record of the master file table of `length` bytes. NTFS's mark replaces the last
    /// two bytes of every `stride` bytes. The replaced bytes, which are in the header, are 01 02,
    /// 03 04 and so on.
    fn record(length: usize, stride: usize) -> Vec<u8> {
        let mut record = vec![0xCC; length];
        let strides = length / stride;
        record[..4].copy_from_slice(b"FILE");
        record[4..6].copy_from_slice(&48_u16.to_le_bytes());
        record[6..8].copy_from_slice(&u16::try_from(strides + 1).unwrap().to_le_bytes());
        record[48..50].copy_from_slice(&[7, 0]);
        for place in 1..=strides {
            let byte = u8::try_from(2 * place).unwrap();
            record[48 + 2 * place..50 + 2 * place].copy_from_slice(&[byte - 1, byte]);
            record[place * stride - 2..place * stride].copy_from_slice(&[7, 0]);
        }
        record
    }

    #[test]
    fn the_ends_of_sectors_get_their_bytes_back() {
        for (length, stride, sector) in
            [(1024, 512, 512), (4096, 512, 4096), (4096, 4096, 4096), (1024, 1024, 1024)]
        {
            let mut bytes = record(length, stride);
            assert_eq!(restore(&mut bytes, sector), RecordState::Good);
            for place in 1..=length / stride {
                let byte = u8::try_from(2 * place).unwrap();
                assert_eq!(bytes[place * stride - 2..place * stride], [byte - 1, byte]);
            }
            for place in 1..=length / stride {
                let mut torn = record(length, stride);
                torn[place * stride - 1] ^= 1;
                assert_eq!(restore(&mut torn, sector), RecordState::Torn);
            }
        }
        assert_eq!(restore(&mut [0; 1024], 512), RecordState::Unused);
        assert_eq!(restore(&mut [b'B'; 1024], 512), RecordState::NoRecord);
        for (offset, byte) in [(6, 0), (6, 2), (7, 1), (5, 4)] {
            let mut odd = record(1024, 512);
            odd[offset] = byte;
            assert_eq!(restore(&mut odd, 512), RecordState::Torn);
        }
    }

    #[test]
    fn a_reference_means_the_record_that_it_was_made_for() {
        let reference = |sequence| Reference { record: 40, sequence };
        assert!(reference(3).means(3, true) && reference(3).means(3, false));
        assert!(reference(3).means(4, false) && !reference(3).means(4, true));
        assert!(!reference(3).means(2, false) && !reference(3).means(5, false));
        assert!(reference(u16::MAX).means(1, false) && !reference(u16::MAX).means(0, false));
        assert_eq!(
            Reference::at(&[1, 2, 0, 0, 0, 1, 9, 0], 0),
            Some(Reference { record: 0x0100_0000_0201, sequence: 9 })
        );
    }
}
