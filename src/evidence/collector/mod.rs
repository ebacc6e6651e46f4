//! Reads what collectors (tools that copy evidence from a host) write into paths and file names:
//! the original path of a file, the host, and the snapshot from which the file was read.
//!
//! All functions are pure. They take text or bytes from the evidence, which may be anything. What
//! they return is only a hint: it is shown beside the path in the evidence and never replaces it.

mod archive_name;
mod sparse_index;
mod velociraptor;

pub use self::archive_name::host_of_archive;
pub use self::sparse_index::{CollectedRange, MOST_INDEX, SparseIndex};
pub use self::velociraptor::client_info;

/// How a collector, which is a tool that copies evidence from a host, arranges the collected files
/// in folders. Several collectors can use the same layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Paths begin with a folder for each drive, such as `C`, or for each snapshot (shadow copy),
    /// such as `VSS3`. KAPE and CyLR use this layout.
    Drives,
    /// Paths begin with `uploads/<accessor>/<volume>/…`, and names are percent-encoded.
    /// Velociraptor uses this layout. An accessor is one of its methods of reading files.
    Uploads,
    /// Paths begin with `fs/<drive>/…`, `fs/$fs$/<file system>/…` or `sysvol/…`. Dissect's acquire
    /// uses this layout.
    Acquire,
    /// Paths begin with `[root]/…`. UAC, which collects from Unix hosts, uses this layout.
    Root,
}

/// What the path of a collected file tells about the file on its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// The collector's arrangement of folders that the path of the file follows.
    pub layout: Layout,
    /// The path of the file on its host. It begins with `C:\`, with `\` if the drive is not known,
    /// with `%SystemDrive%\` if it is the system's drive, or with `/` on a Unix host.
    pub original: String,
    /// The snapshot (shadow copy) from which the file was collected, as the collector names it:
    /// `VSS3` or `HarddiskVolumeShadowCopy3`. `None` if the file was collected from the live
    /// volume.
    pub snapshot: Option<String>,
    /// The accessor (method of reading files) with which Velociraptor read the file, such as `ntfs`
    /// or `auto`. The same file can be collected with several accessors. `None` for other
    /// collectors.
    pub accessor: Option<String>,
}

/// The names, in lower case, of folders that lie in the root of a Windows volume. A folder named
/// like a drive (`C`) or a snapshot (`VSS3`), with other folders before it in the path, counts as
/// one only if a folder of this list, or a name that begins with `$`, follows.
const OF_ROOT: [&str; 11] = [
    "windows",
    "windows.old",
    "winnt",
    "users",
    "documents and settings",
    "programdata",
    "program files",
    "program files (x86)",
    "system volume information",
    "inetpub",
    "perflogs",
];

/// The accessors (methods of reading files) of Velociraptor. Folders below `uploads` are named
/// after them. A path without a drive or device, as on a Unix host, counts as one that Velociraptor
/// wrote only if it lies below one of these folders.
const ACCESSORS: [&str; 7] = ["auto", "file", "lazy_ntfs", "mft", "ntfs", "ntfs_vss", "raw_ntfs"];

/// Returns what the path of a collected file tells about the file on its host. `path` is the path
/// in an archive, an image or a folder of collected files, with parts separated by `/` or `\`.
/// Folders before those of the collector's layout are ignored. Returns `None` if the path has no
/// known layout.
#[must_use]
pub fn collected(path: &str) -> Option<Collected> {
    let parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    (0..parts.len()).find_map(|depth| {
        let (first, rest) = parts.get(depth..)?.split_first()?;
        match *first {
            "uploads" => uploads_path(rest),
            "fs" => acquire_path(rest),
            "sysvol" => Some(plain(Layout::Acquire, joined("%SystemDrive%", rest)?)),
            // What follows is a path on Unix, where `\` can be part of a name.
            "[root]" => {
                let (_, path) = path.split_once("[root]/")?;
                (!path.is_empty()).then(|| plain(Layout::Root, format!("/{path}")))
            }
            _ => drive_path(first, rest, depth == 0),
        }
    })
}

fn plain(layout: Layout, original: String) -> Collected {
    Collected { layout, original, snapshot: None, accessor: None }
}

/// Joins a drive, such as `C:`, and the names of folders and a file to a Windows path. Returns
/// `None` if there are no names.
fn joined<P: AsRef<str>>(drive: &str, parts: &[P]) -> Option<String> {
    let path: String = parts.iter().flat_map(|part| ["\\", part.as_ref()]).collect();
    (!parts.is_empty()).then(|| format!("{drive}{path}"))
}

/// Returns the drive with the letter `letter`, in upper case: `C:` for `c`. Returns `None` if
/// `letter` is not one ASCII letter.
fn drive(letter: &str) -> Option<String> {
    let mut letters = letter.chars();
    let first = letters.next().filter(char::is_ascii_alphabetic)?;
    letters.next().is_none().then(|| format!("{}:", first.to_ascii_uppercase()))
}

/// Returns the drive that `name` states as a letter and a colon, in upper case: `C:` for `c:`.
/// Returns `None` if `name` has another form.
fn named_drive(name: &str) -> Option<String> {
    name.strip_suffix(':').and_then(drive)
}

/// Returns true if a folder or file named `name` usually lies in the root of a Windows volume.
fn is_of_root(name: &str) -> bool {
    name.starts_with('$') || OF_ROOT.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Reads a path with a drive or a snapshot (shadow copy): `C/…`, `VSS3/…` or `VSS3/C/…`. `first` is
/// the drive or snapshot, and `rest` what follows. Returns `None` for other paths. If `is_first` is
/// false, other folders precede `first` in the whole path. Then the folder after drive and snapshot
/// must be one that lies in the root of a volume, because other folders can be named by one letter,
/// too.
fn drive_path(first: &str, rest: &[&str], is_first: bool) -> Option<Collected> {
    let is_root = |rest: &[&str]| rest.first().is_some_and(|name| is_of_root(name));
    let number = first.get(..3).filter(|start| start.eq_ignore_ascii_case("vss")).and(first.get(3..));
    if number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())) {
        let snapshot = Some(first.to_owned());
        let of_drive = rest.split_first().and_then(|(letter, rest)| Some((drive(letter)?, rest)));
        let (drive, rest) = of_drive.unwrap_or((String::new(), rest));
        let original = joined(&drive, rest).filter(|_| is_first || is_root(rest))?;
        return Some(Collected { snapshot, ..plain(Layout::Drives, original) });
    }
    let original = joined(&drive(first)?, rest)?;
    (is_first || is_root(rest)).then(|| plain(Layout::Drives, original))
}

/// Reads the part of a path in Velociraptor's layout that follows `uploads`: an accessor (method of
/// reading files) and a percent-encoded path. Returns `None` if the part has another form.
fn uploads_path(parts: &[&str]) -> Option<Collected> {
    let (accessor, parts) = parts.split_first()?;
    let parts: Vec<String> = parts.iter().map(|part| percent_decoded(part)).collect();
    let (volume, rest) = parts.split_first()?;
    let mut snapshot = None;
    let device = volume.strip_prefix(r"\\.\").or_else(|| volume.strip_prefix(r"\\?\"));
    let original = if let Some(drive) = named_drive(device.unwrap_or(volume)) {
        joined(&drive, rest)?
    } else if let Some(device) = device {
        let name = device.rsplit('\\').next().filter(|name| name.starts_with("HarddiskVolumeShadowCopy"));
        snapshot = name.map(str::to_owned);
        joined("", rest)?
    } else {
        // The path is of a Unix host, or begins in the root of a volume that is not named.
        let is_windows = is_of_root(volume) && !rest.is_empty();
        let path = if is_windows { joined("", &parts)? } else { format!("/{}", parts.join("/")) };
        ACCESSORS.contains(accessor).then_some(path)?
    };
    Some(Collected { snapshot, accessor: Some((*accessor).to_owned()), ..plain(Layout::Uploads, original) })
}

/// Reads the part of a path in the layout of Dissect's acquire that follows `fs`: a drive, or
/// `$fs$` and a file system without a drive. Returns `None` if the part has another form.
fn acquire_path(parts: &[&str]) -> Option<Collected> {
    let (first, rest) = parts.split_first()?;
    let original = match (named_drive(first), *first) {
        (Some(drive), _) => joined(&drive, rest),
        (None, "$fs$") => joined("", rest.get(1..)?),
        (None, _) => None,
    };
    Some(plain(Layout::Acquire, original?))
}

/// Decodes `name`, in which Velociraptor has encoded some characters as `%` and two hexadecimal
/// digits. It is decoded once: `%254` becomes `%4`. Returns the name unchanged if the result is not
/// valid UTF-8.
///
/// Velociraptor encodes only names below `uploads`. Other names must not be decoded, because names
/// of event logs contain `%4`.
#[must_use]
pub fn percent_decoded(name: &str) -> String {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (mut bytes, mut rest) = (Vec::with_capacity(name.len()), name.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let decoded = match rest {
            [b'%', high, low, after @ ..] => {
                digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4 | low, after))
            }
            _ => None,
        };
        let (byte, after) = decoded.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    use proptest::prelude::*;

    /// Returns what [`collected`] reads from the path of a collected file: layout, original path,
    /// snapshot and accessor, with an empty text for what is missing.
    fn seen(path: &str) -> Option<(Layout, String, String, String)> {
        let Collected { layout, original, snapshot, accessor } = collected(path)?;
        Some((layout, original, snapshot.unwrap_or_default(), accessor.unwrap_or_default()))
    }

    fn check(path: &str, layout: Layout, original: &str, snapshot: &str, accessor: &str) {
        let expected = (layout, original.into(), snapshot.into(), accessor.into());
        assert_eq!(seen(path), Some(expected), "{path}");
    }

    const LOG: &str = "Windows/System32/winevt/Logs/Microsoft-Windows-Sysmon%4Operational.evtx";
    const ORIGINAL: &str = r"Windows\System32\winevt\Logs\Microsoft-Windows-Sysmon%4Operational.evtx";
    const ENCODED: &str = "Windows/System32/winevt/Logs/Microsoft-Windows-Sysmon%254Operational.evtx";

    #[test]
    fn kape_and_cylr_have_a_folder_for_each_drive_and_snapshot() {
        let on_c = format!(r"C:\{ORIGINAL}");
        for path in [
            format!("C/{LOG}"),
            format!("c\\{ORIGINAL}"),
            format!("2025-03-04T184011_x/C/{LOG}"),
            format!("/case/C/{LOG}"),
        ] {
            check(&path, Layout::Drives, &on_c, "", "");
        }
        check("E/exported/x.evtx", Layout::Drives, r"E:\exported\x.evtx", "", "");
        check("HOST/C/$Extend/$J", Layout::Drives, r"C:\$Extend\$J", "", "");
        check("C/$Extend/$J", Layout::Drives, r"C:\$Extend\$J", "", "");
        check("HOST/D/Windows.old/Windows/a.evtx", Layout::Drives, r"D:\Windows.old\Windows\a.evtx", "", "");
        check(&format!("VSS12/{LOG}"), Layout::Drives, &format!(r"\{ORIGINAL}"), "VSS12", "");
        check(&format!("VSS1/C/{LOG}"), Layout::Drives, &on_c, "VSS1", "");
        check(&format!("out/vss1/C/{LOG}"), Layout::Drives, &on_c, "vss1", "");
        // The name is part of a log's, and not encoded.
        check("C/Logs/a%4Admin.evtx", Layout::Drives, r"C:\Logs\a%4Admin.evtx", "", "");
    }

    #[test]
    fn a_folder_of_one_letter_is_a_drive_only_where_one_is_expected() {
        for path in [
            "case/a/HOST/x.evtx",
            "case/VSS1/HOST/x.evtx",
            "C",
            "C/",
            "VSS1",
            "VSS/x",
            "VSSx/y",
            "VSSx/Windows/y",
            "VSS/Windows/y",
            "CC/Windows/x",
            "",
            "/",
            "é/Windows/x",
        ] {
            assert_eq!(seen(path), None, "{path}");
        }
        assert_eq!(seen(LOG), None);
        assert_eq!(seen("VSé1/Windows/x"), None);
    }

    #[test]
    fn velociraptor_encodes_names_below_uploads() {
        let on_c = format!(r"C:\{ORIGINAL}");
        for (volume, accessor) in
            [("C%3A", "auto"), ("%5C%5C.%5CC%3A", "ntfs"), ("%5c%5c.%5cc%3a", "lazy_ntfs"), ("C%3A", "other")]
        {
            check(&format!("uploads/{accessor}/{volume}/{ENCODED}"), Layout::Uploads, &on_c, "", accessor);
        }
        check(&format!("Collection-A/uploads/auto/C%3A/{ENCODED}"), Layout::Uploads, &on_c, "", "auto");
        let shadow = "%5C%5C%3F%5CGLOBALROOT%5CDevice%5CHarddiskVolumeShadowCopy23";
        check(
            &format!("uploads/ntfs/{shadow}/{ENCODED}"),
            Layout::Uploads,
            &format!(r"\{ORIGINAL}"),
            "HarddiskVolumeShadowCopy23",
            "ntfs",
        );
        check(
            "uploads/auto/C%3A/%2Ehidden/%E4%B8%AD.evtx",
            Layout::Uploads,
            r"C:\.hidden\中.evtx",
            "",
            "auto",
        );
        check("uploads/file/var/log/a%3Ab", Layout::Uploads, "/var/log/a:b", "", "file");
        check("uploads/auto/Windows/a.evtx", Layout::Uploads, r"\Windows\a.evtx", "", "auto");
        for path in ["uploads/auto/C%3A", "uploads/auto", "uploads", "uploads/mine/x.evtx"] {
            assert_eq!(seen(path), None, "{path}");
        }
        // A folder that happens to have the name.
        check("C/Windows/uploads/auto/x", Layout::Drives, r"C:\Windows\uploads\auto\x", "", "");
    }

    #[test]
    fn names_are_decoded_once_and_only_if_they_are_text() {
        for (name, decoded) in [
            ("Sysmon%254Operational.evtx", "Sysmon%4Operational.evtx"),
            ("a%4Admin", "aJdmin"),
            ("100%", "100%"),
            ("%4", "%4"),
            ("%zz%3a", "%zz:"),
            ("%FF", "%FF"),
            ("%%41", "%A"),
            ("é%41", "éA"),
        ] {
            assert_eq!(percent_decoded(name), decoded);
        }
    }

    #[test]
    fn acquire_and_uac_have_roots_of_their_own() {
        check(&format!("fs/c:/{LOG}"), Layout::Acquire, &format!(r"C:\{ORIGINAL}"), "", "");
        check(
            &format!("HOST_20250304184011/fs/C:/{LOG}"),
            Layout::Acquire,
            &format!(r"C:\{ORIGINAL}"),
            "",
            "",
        );
        check(&format!("fs/$fs$/fs0/{LOG}"), Layout::Acquire, &format!(r"\{ORIGINAL}"), "", "");
        check(&format!("sysvol/{LOG}"), Layout::Acquire, &format!(r"%SystemDrive%\{ORIGINAL}"), "", "");
        check("[root]/mnt/c/a\\b.evtx", Layout::Root, "/mnt/c/a\\b.evtx", "", "");
        check("uac-x/[root]/var/log/x", Layout::Root, "/var/log/x", "", "");
        for path in ["fs/$fs$", "fs/$fs$/fs0", "fs/c:", "fs/other/x", "sysvol", "[root]/", "[root]"] {
            assert_eq!(seen(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_asked_for(parts in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec!["uploads", "auto", "C%3A", "fs", "$fs$", "c:", "sysvol", "[root]", "VSS1", "C", "Windows", "%5C%5C.%5C", "Collection-", "uac-", "_20250304184011", "2025-03-04T184011_", ".zip"]).prop_map(str::to_owned),
                "\\PC{0,6}",
            ],
            0..8,
        )) {
            for between in ["/", "\\", "-", ""] {
                let text = parts.join(between);
                if let Some(Collected { original, .. }) = collected(&text) {
                    prop_assert!(original.contains(['\\', '/']));
                }
                if let Some(host) = host_of_archive(&text, Some(Layout::Drives)) {
                    prop_assert!(!host.is_empty() && text.contains(host));
                }
                let _ = client_info(text.as_bytes());
                prop_assert!(percent_decoded(&text).len() <= text.len());
            }
        }

        #[test]
        fn what_velociraptor_encodes_is_decoded(name in "[a-zA-Z0-9%:?*|<> .é中\\\\/\"-]{0,20}") {
            let mut encoded = String::new();
            for letter in name.chars() {
                if "?\"*:|<>%/\\".contains(letter) || letter == '.' && encoded.is_empty() {
                    write!(encoded, "%{:02X}", u32::from(letter)).unwrap();
                } else {
                    encoded.push(letter);
                }
            }
            prop_assert_eq!(percent_decoded(&encoded), name);
        }
    }
}
