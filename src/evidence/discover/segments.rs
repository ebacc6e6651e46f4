//! Names of the files of a disk image that consists of several files, such as `disk.E01` and
//! `disk.E02`.

use super::extension::Extension;
use crate::evidence::container::image::ImageFormat;

/// The image formats whose images can consist of several files.
const SEGMENTED: [ImageFormat; 3] = [ImageFormat::E01, ImageFormat::SplitRaw, ImageFormat::Vmdk];

/// The extensions of archives and images (see [`Extension`]) that the second or a later file of a
/// disk image can have. A file with another extension of an archive or image does not count as a
/// later file: an image with thousands of files can reach the name `.zip`, but a file with that
/// name is more likely an archive.
const OF_FURTHER_FILES: [&str; 2] = ["e01", "vmdk"];

/// Returns the names that the first file of a disk image can have if the file `name` is the second
/// or a later file of the image: `disk.E01` for `disk.E02`. Returns nothing if `name` cannot be the
/// name of a later file.
pub(super) fn first_names(name: &[u8]) -> impl Iterator<Item = String> {
    let is_further = match Extension::of(name) {
        Extension::Container(extension) => OF_FURTHER_FILES.contains(&extension),
        Extension::Known(_) | Extension::Other => is_numbered(name),
    };
    let name = str::from_utf8(name).ok().filter(|_| is_further);
    SEGMENTED.iter().filter_map(move |format| format.first_name(name?))
}

/// Returns true if a file with the name `name` can be one of the files of a disk image: if the name
/// has an extension of an archive or image, or ends with a dot and three digits.
pub(super) fn may_be_of_image(name: &[u8]) -> bool {
    matches!(Extension::of(name), Extension::Container(_)) || is_numbered(name)
}

/// Returns true if a file name ends with a dot and three digits, like a part of a split image.
pub(super) fn is_numbered(name: &[u8]) -> bool {
    let end = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    end.len() == 3 && end.len() < name.len() && end.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_first_file_of_an_image() {
        for (name, first) in [
            ("x.E02", Some("x.E01")),
            ("x.e02", Some("x.e01")),
            ("x.002", Some("x.001")),
            ("x-flat.vmdk", Some("x.vmdk")),
            ("x-s001.vmdk", Some("x.vmdk")),
            ("x.E01", None),
            ("x.001", None),
            ("x.vmdk", None),
            ("x.zip", None),
            ("x.ZIP", None),
            ("x.raw", None),
            ("x.vhd", None),
            ("x.txt", None),
            ("002", None),
        ] {
            let names: Vec<String> = first_names(name.as_bytes()).collect();
            assert_eq!(
                first.is_some(),
                names.iter().any(|found| Some(&**found) == first),
                "{name}: {names:?}"
            );
            let is_other = |found: &String| Some(&**found) != first && !found.contains("x01");
            assert!(!names.iter().any(is_other), "{name}: {names:?}");
        }
    }
}
