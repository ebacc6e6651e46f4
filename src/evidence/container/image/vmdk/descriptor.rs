//! The descriptor of a VMDK disk image: lines of text that list the disk's extents, which are the
//! consecutive parts of the disk.

use super::super::{ImageError, Opening};
use super::SECTOR;

/// The maximum number of extents (consecutive parts of the disk) that a VMDK's descriptor may list.
/// The descriptor is the text that says of which files the image consists. A longer list is taken
/// for damage.
const MOST_EXTENTS: usize = 4096;

/// The content of a VMDK's descriptor, the text that says of which files the image consists: the
/// list of the disk's extents (consecutive parts), in the order of the disk.
pub(super) struct Descriptor {
    pub(super) extents: Vec<Extent>,
}

/// An extent of a VMDK disk: one of the consecutive parts of the disk, usually with a file of its
/// own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// The size of the extent's part of the disk, in bytes.
    pub(super) size: u64,
    pub(super) kind: ExtentKind,
    /// The name of the file with the extent's bytes, as written in the descriptor of the VMDK.
    pub(super) file: String,
    /// The offset in the extent's file at which a flat extent (one whose bytes are stored as they
    /// are) begins, in bytes. 0 for other kinds of extents.
    pub(super) offset: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExtentKind {
    Flat,
    Sparse,
    Zeros,
}

impl Descriptor {
    /// Reads a VMDK's descriptor, the text that lists the extents (consecutive parts) of the disk.
    /// Fails if the disk has a parent disk, is encrypted, has an extent of a kind that is not read,
    /// or has no extents.
    pub(super) fn read(bytes: &[u8], opening: &Opening<'_>) -> Result<Self, ImageError> {
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        let mut extents = Vec::new();
        for line in text.lines().map(str::trim) {
            if let Some((key, value)) = line.split_once('=').filter(|(key, _)| !key.contains('"')) {
                check_setting(key.trim(), value.trim().trim_matches('"'))?;
            } else if let Some(extent) = read_extent(line)? {
                extents.push(extent);
            }
            if extents.len() > MOST_EXTENTS {
                let expected = format!("at most {MOST_EXTENTS} extents");
                return Err(opening.problem("descriptor", expected, "more").into());
            }
        }
        if extents.is_empty() {
            return Err(opening.problem("descriptor", "a list of extents", "none").into());
        }
        Ok(Descriptor { extents })
    }
}

fn check_setting(key: &str, value: &str) -> Result<(), ImageError> {
    if key.eq_ignore_ascii_case("parentCID") && !value.eq_ignore_ascii_case("ffffffff") {
        return Err(ImageError::Unsupported("a VMDK with a parent disk, which needs that disk,".into()));
    }
    if key.eq_ignore_ascii_case("encryption.keySafe") {
        return Err(ImageError::Encrypted("VMware".into()));
    }
    Ok(())
}

/// Reads a line of a VMDK descriptor that lists an extent (part of the disk), such as `RW 2048 FLAT
/// "disk-flat.vmdk" 0`. The first number is the size of the extent, and the second is the offset in
/// its file, both in sectors. Returns `None` if the line does not list an extent. Fails if the
/// extent is of a kind that is not read.
fn read_extent(line: &str) -> Result<Option<Extent>, ImageError> {
    let mut words = line.splitn(4, ' ');
    let (Some("RW" | "RDONLY" | "NOACCESS"), Some(sectors), Some(kind)) =
        (words.next(), words.next(), words.next())
    else {
        return Ok(None);
    };
    let Ok(sectors) = sectors.parse::<u64>() else { return Ok(None) };
    let size = sectors.saturating_mul(SECTOR);
    let kind = match kind.trim() {
        "FLAT" | "VMFS" => ExtentKind::Flat,
        "SPARSE" | "VMFSSPARSE" => ExtentKind::Sparse,
        "ZERO" => ExtentKind::Zeros,
        other => {
            let other: String = other.chars().take(32).collect();
            return Err(ImageError::Unsupported(format!("a VMDK with an extent of kind {other:?}")));
        }
    };
    let mut rest = words.next().unwrap_or_default().trim().trim_start_matches('"').splitn(2, '"');
    let file = rest.next().unwrap_or_default().to_owned();
    let offset = rest.next().and_then(|offset| offset.trim().parse().ok()).unwrap_or(0_u64);
    Ok(Some(Extent { size, kind, file, offset: offset.saturating_mul(SECTOR) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_extents_are_read_and_other_lines_are_not() {
        let extent = |line| read_extent(line).unwrap();
        let flat = extent(r#"RW 4 FLAT "a disk-flat.vmdk" 8"#).unwrap();
        assert_eq!(flat.size, 2048);
        assert_eq!(
            (flat.kind, flat.file.as_str(), flat.offset),
            (ExtentKind::Flat, "a disk-flat.vmdk", 4096)
        );
        assert_eq!(extent("RDONLY 1 ZERO").unwrap().kind, ExtentKind::Zeros);
        assert_eq!(extent(r#"RW 18446744073709551615 SPARSE "x""#).unwrap().size, u64::MAX);
        assert_eq!(extent("CID=1"), None);
        assert_eq!(read_extent(r#"RW 1 SESPARSE "x""#).unwrap_err().status().name(), "unsupported");
    }
}
