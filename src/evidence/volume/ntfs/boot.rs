//! The boot sector of an NTFS volume.

use super::NtfsError;
use crate::evidence::volume::fields::{u16_at, u64_at};

/// The sizes of sectors, clusters and records that the boot sector of an NTFS volume states, and
/// where the master file table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    /// The size of a sector in bytes: 512 to 4096.
    pub sector: u64,
    /// The size of a cluster, the unit in which NTFS allocates space, in bytes: at most 2 MiB.
    pub cluster: u64,
    /// The size of a record of the master file table in bytes: 512 to 65,536.
    pub record: usize,
    /// The size of the volume in sectors.
    pub sectors: u64,
    /// The number of the cluster at which the master file table begins.
    pub table: u64,
    /// The number of the cluster at which the copy of the first records of the master file table
    /// (`$MFTMirr`) begins.
    pub mirror: u64,
}

/// The size of the largest cluster that NTFS allows, in bytes. A larger one is damage.
const MOST_CLUSTER: u64 = 2 << 20;

impl Geometry {
    /// Reads a boot sector. `boot` must have at least its first 512 bytes. Fails if the boot sector
    /// states a size that no NTFS volume has.
    pub fn parse(boot: &[u8]) -> Result<Self, NtfsError> {
        let wrong = |offset, expected, found: u64| NtfsError::BootSector { offset, expected, found };
        let sector = u16_at(boot, 11).map_or(0, u64::from);
        if !(512..=4096).contains(&sector) || !sector.is_power_of_two() {
            return Err(wrong(11, "sectors of 512 to 4096 bytes", sector));
        }
        // Up to 128 the byte is the number of sectors, above the negative of a power of two.
        let byte = boot.get(13).copied().unwrap_or_default();
        let sectors = if byte <= 0x80 { u64::from(byte) } else { 1 << (256 - u32::from(byte)).min(32) };
        let cluster = sector * sectors;
        if !cluster.is_power_of_two() || cluster > MOST_CLUSTER {
            return Err(wrong(13, "a cluster of at most 2 MiB", cluster));
        }
        let byte = boot.get(64).copied().unwrap_or_default();
        let record =
            if byte < 0x80 { u64::from(byte) * cluster } else { 1 << (256 - u32::from(byte)).min(32) };
        let is_record = (512..=65_536).contains(&record) && record.is_power_of_two();
        let Some(size) = usize::try_from(record).ok().filter(|_| is_record) else {
            return Err(wrong(64, "records of 512 to 65,536 bytes", record));
        };
        let field = |offset| u64_at(boot, offset).unwrap_or_default();
        Ok(Geometry {
            sector,
            cluster,
            record: size,
            sectors: field(40),
            table: field(48),
            mirror: field(56),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an NTFS boot sector for a test, with the size of a sector in bytes, and with the
    /// bytes that state the sizes of a cluster and of a record of the master file table.
    fn boot(sector: u16, cluster: u8, record: u8) -> Vec<u8> {
        let mut boot = vec![0; 512];
        boot[11..13].copy_from_slice(&sector.to_le_bytes());
        (boot[13], boot[64]) = (cluster, record);
        boot
    }

    #[test]
    fn sizes_are_read_in_both_forms() {
        for (sector, cluster, record, sizes) in [
            (512, 8, 0xF6, (4096, 1024)),
            (512, 1, 2, (512, 1024)),
            (4096, 1, 0xF4, (4096, 4096)),
            (4096, 1, 1, (4096, 4096)),
            // 128 sectors, and 2 to the power of 12 sectors.
            (512, 0x80, 0xF6, (65_536, 1024)),
            (512, 0xF4, 0xF6, (2 << 20, 1024)),
        ] {
            let found = Geometry::parse(&boot(sector, cluster, record)).unwrap();
            assert_eq!((found.cluster, found.record), sizes);
        }
    }

    #[test]
    fn sizes_that_no_volume_has_are_refused_with_their_place() {
        for (sector, cluster, record, place) in [
            (0, 8, 0xF6, 11),
            (520, 8, 0xF6, 11),
            (8192, 8, 0xF6, 11),
            (512, 0, 0xF6, 13),
            (512, 3, 0xF6, 13),
            (512, 0xF3, 0xF6, 13),
            (4096, 0x81, 0xF6, 13),
            (512, 8, 0, 64),
            (512, 8, 0x80, 64),
            (512, 8, 0xFF, 64),
            (512, 8, 3, 64),
        ] {
            let error = Geometry::parse(&boot(sector, cluster, record)).unwrap_err();
            assert!(matches!(error, NtfsError::BootSector { offset, .. } if offset == place), "{error}");
        }
        assert!(Geometry::parse(&[]).is_err());
    }
}
