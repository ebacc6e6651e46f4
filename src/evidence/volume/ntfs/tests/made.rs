//! Makes small NTFS volumes for tests. Fuzz targets include this file as well, so it uses nothing
//! of the module that reads NTFS volumes.

/// The number of bytes in a sector of a volume that tests make. NTFS puts a mark at the end of each
/// sector of a record of the master file table.
pub const SECTOR: usize = 512;
/// The number of bytes in a cluster of a volume that tests make, and in a record of its master file
/// table.
pub const CLUSTER: usize = 1024;
/// The number of clusters in a volume that tests make.
pub const CLUSTERS: usize = 256;
/// The number of the cluster at which the master file table begins, in a volume that tests make.
const TABLE_AT: usize = 8;
/// The number of places for records in the master file table of a volume that tests make.
pub const RECORDS: usize = 64;
/// The number of the first cluster after the master file table, in a volume that tests make. Tests
/// put the bytes of files there and after it.
pub const FREE: u64 = (TABLE_AT + RECORDS) as u64;
/// The number of the root folder's record in the master file table, and its sequence number.
pub const ROOT: (u64, u16) = (5, 5);

/// The bytes of a whole NTFS volume that a test makes in memory.
pub struct Made(pub Vec<u8>);

/// What the header of a record of the master file table states. `base` is the number and sequence
/// number of the file's first record, or zeros if this record is the first one.
#[derive(Clone, Copy)]
pub struct Head {
    pub sequence: u16,
    pub is_in_use: bool,
    pub is_folder: bool,
    pub base: (u64, u16),
}

/// What the header of the first record of a file in the master file table states, if the file is
/// not deleted. The sequence number is 1.
pub const FILE: Head = Head { sequence: 1, is_in_use: true, is_folder: false, base: (0, 0) };
/// What the header of the first record of a folder in the master file table states, if the folder
/// is not deleted. The sequence number is 1.
pub const FOLDER: Head = Head { is_folder: true, ..FILE };

/// The runs (ranges of consecutive clusters) of a stream. Each is the number of its clusters, and
/// the number of its first cluster on the volume: `None` for a hole, which reads as zeros.
pub type Runs<'r> = &'r [(u64, Option<u64>)];

impl Made {
    /// Returns a volume whose master file table has places for [`RECORDS`] records. It has only the
    /// records of the table itself, of the root folder, and of a bitmap in which all clusters are
    /// free.
    pub fn new() -> Self {
        let mut volume = Made(vec![0; CLUSTERS * CLUSTER]);
        volume.0[3..11].copy_from_slice(b"NTFS    ");
        volume.0[11..13].copy_from_slice(&u16::try_from(SECTOR).unwrap().to_le_bytes());
        (volume.0[13], volume.0[64]) = (2, 0xF6);
        volume.0[40..48].copy_from_slice(&((CLUSTERS * CLUSTER / SECTOR) as u64 - 1).to_le_bytes());
        volume.0[48..56].copy_from_slice(&(TABLE_AT as u64).to_le_bytes());
        volume.0[56..64].copy_from_slice(&4_u64.to_le_bytes());
        let size = (RECORDS * CLUSTER) as u64;
        let table =
            [name(ROOT, 3, "$MFT"), clusters(DATA, "", Sizes::of(size), &[(RECORDS as u64, Some(8))])];
        volume.record(0, FILE, &table);
        volume.record(5, Head { sequence: 5, ..FOLDER }, &[name(ROOT, 3, ".")]);
        volume.bitmap(&[]);
        volume
    }

    /// Writes the volume's bitmap. `in_use` are the numbers of the clusters that the bitmap says
    /// are in use.
    pub fn bitmap(&mut self, in_use: &[u64]) {
        let mut bits = vec![0; CLUSTERS / 8];
        for cluster in in_use {
            bits[usize::try_from(cluster / 8).unwrap()] |= 1_u8 << (cluster % 8);
        }
        self.record(6, FILE, &[name(ROOT, 3, "$Bitmap"), resident(DATA, "", &bits)]);
    }

    /// Writes the record with the number `number` into its place in the master file table.
    pub fn record(&mut self, number: usize, head: Head, attributes: &[Vec<u8>]) {
        let record = record(head, attributes);
        self.put((TABLE_AT + number) as u64, &record);
    }

    /// Writes `bytes` to the volume, beginning at the start of the cluster with the number
    /// `cluster`.
    pub fn put(&mut self, cluster: u64, bytes: &[u8]) {
        let start = usize::try_from(cluster).unwrap() * CLUSTER;
        self.0[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// Flips a bit in the mark at the end of a record's first sector, so that the record seems to
    /// have been written only in part. `number` is the number of the record in the master file
    /// table.
    pub fn tear(&mut self, number: usize) {
        self.0[(TABLE_AT + number) * CLUSTER + SECTOR - 1] ^= 1;
    }
}

/// The type of the attribute `$STANDARD_INFORMATION` of NTFS files.
pub const STANDARD_INFORMATION: u32 = 0x10;
// The types of further attributes.
pub const ATTRIBUTE_LIST: u32 = 0x20;
pub const FILE_NAME: u32 = 0x30;
pub const DATA: u32 = 0x80;
pub const REPARSE_POINT: u32 = 0xC0;

/// Returns the bytes of a record of the master file table, with NTFS's marks at the ends of its
/// sectors.
pub fn record(head: Head, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut record = vec![0; 56];
    record.extend(attributes.concat());
    record.extend(u32::MAX.to_le_bytes());
    record.extend([0; 4]);
    let used = u32::try_from(record.len()).unwrap();
    record.resize(CLUSTER, 0);
    record[16..18].copy_from_slice(&head.sequence.to_le_bytes());
    record[20] = 56;
    record[22] = u8::from(head.is_in_use) | u8::from(head.is_folder) << 1;
    record[24..28].copy_from_slice(&used.to_le_bytes());
    record[32..40].copy_from_slice(&reference(head.base));
    seal(&mut record);
    record
}

/// Puts NTFS's marks at the ends of a record's sectors, and the bytes that they replace into the
/// record's header. A reader that finds different marks knows that the record was written only in
/// part.
pub fn seal(record: &mut [u8]) {
    record[..8].copy_from_slice(b"FILE\x30\0\x03\0");
    record[48..50].copy_from_slice(&[9, 0]);
    for end in [SECTOR, CLUSTER] {
        let place = 48 + end / SECTOR * 2;
        record.copy_within(end - 2..end, place);
        record[end - 2..end].copy_from_slice(&[9, 0]);
    }
}

/// Returns the eight bytes with which NTFS refers to a record of the master file table. `record`
/// and `sequence` are the number and the sequence number of that record.
pub fn reference((record, sequence): (u64, u16)) -> [u8; 8] {
    (record | u64::from(sequence) << 48).to_le_bytes()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Returns the bytes of an attribute of an NTFS file. `header` is what follows the fields that all
/// attributes have. `content` is the attribute's own bytes, or its run list if the bytes lie in
/// clusters.
fn attribute(kind: u32, flags: u16, header: &[u8], name: &str, content: &[u8]) -> Vec<u8> {
    let text = utf16(name);
    let mut bytes = kind.to_le_bytes().to_vec();
    let start = 16 + header.len();
    let content_at = (start + text.len()).next_multiple_of(8);
    let length = (content_at + content.len()).next_multiple_of(8);
    bytes.extend(u32::try_from(length).unwrap().to_le_bytes());
    bytes.extend([u8::from(header.len() > 8), u8::try_from(text.len() / 2).unwrap()]);
    bytes.extend(u16::try_from(start).unwrap().to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend([0, 0]);
    bytes.extend(header);
    bytes.extend(text);
    bytes.resize(content_at, 0);
    let place = if header.len() > 8 { 32 } else { 20 };
    bytes[place..place + 2].copy_from_slice(&u16::try_from(content_at).unwrap().to_le_bytes());
    bytes.extend(content);
    bytes.resize(length, 0);
    bytes
}

/// Returns the bytes of an attribute of an NTFS file whose content lies in the file's record in the
/// master file table, and not in clusters. `kind` is the type of the attribute.
pub fn resident(kind: u32, name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0; 8];
    header[..4].copy_from_slice(&u32::try_from(content.len()).unwrap().to_le_bytes());
    attribute(kind, 0, &header, name, content)
}

/// The sizes and flags of an attribute of an NTFS file, whose bytes lie in clusters. An attribute
/// can have parts in several records of the master file table: `first` is the number of a part's
/// first cluster, counted from the start of the attribute. `valid` is the number of the attribute's
/// bytes that were written, and `unit_shift` how many clusters are compressed together, as the
/// exponent of a power of two.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub first: u64,
    pub size: u64,
    pub valid: u64,
    pub unit_shift: u8,
    pub flags: u16,
}

impl Sizes {
    /// Returns the sizes of an attribute that has `size` bytes, all of them written, and is in one
    /// record of the master file table.
    pub fn of(size: u64) -> Self {
        Sizes { first: 0, size, valid: size, unit_shift: 0, flags: 0 }
    }
}

/// Returns the bytes of an attribute of an NTFS file, or of one part of an attribute, whose content
/// lies in the clusters of `runs`. `kind` is the type of the attribute.
pub fn clusters(kind: u32, name: &str, sizes: Sizes, runs: Runs<'_>) -> Vec<u8> {
    let count: u64 = runs.iter().map(|(count, _)| count).sum();
    clusters_by(kind, name, sizes, count, &run_list(runs))
}

/// Returns the bytes of an attribute of an NTFS file whose content lies in `count` clusters. `list`
/// has the bytes of the run list, which says where the clusters are. The list may be damaged.
pub fn clusters_by(kind: u32, name: &str, sizes: Sizes, count: u64, list: &[u8]) -> Vec<u8> {
    let mut header = sizes.first.to_le_bytes().to_vec();
    header.extend((sizes.first + count).wrapping_sub(1).to_le_bytes());
    header.extend([0, 0, sizes.unit_shift, 0, 0, 0, 0, 0]);
    for size in [count * CLUSTER as u64, sizes.size, sizes.valid] {
        header.extend(size.to_le_bytes());
    }
    attribute(kind, sizes.flags, &header, name, list)
}

/// Returns the bytes of a run list, in which NTFS stores where the clusters of a file lie. The
/// number of clusters takes eight bytes and the place four, whatever their values.
pub fn run_list(runs: Runs<'_>) -> Vec<u8> {
    let (mut list, mut before) = (Vec::new(), 0);
    for (count, place) in runs {
        list.push(if place.is_some() { 0x48 } else { 0x08 });
        list.extend(count.to_le_bytes());
        if let Some(place) = place {
            let offset = i32::try_from(place.cast_signed() - before).unwrap();
            list.extend(offset.to_le_bytes());
            before = place.cast_signed();
        }
    }
    list.push(0);
    list
}

/// Returns the bytes of an attribute with a name of a file. `parent` is the number of the master
/// file table's record of the folder that contains the file, and that record's sequence number.
/// `space` is the kind of name: 2 is a short (8.3) name.
pub fn name(parent: (u64, u16), space: u8, text: &str) -> Vec<u8> {
    let mut content = reference(parent).to_vec();
    content.resize(64, 0);
    content.extend([u8::try_from(text.encode_utf16().count()).unwrap(), space]);
    content.extend(utf16(text));
    resident(FILE_NAME, "", &content)
}

/// Returns the bytes of the attribute `$STANDARD_INFORMATION` of a file, with the time of its last
/// change and its flags.
pub fn standard(modified: u64, flags: u32) -> Vec<u8> {
    let mut content = vec![0; 72];
    content[8..16].copy_from_slice(&modified.to_le_bytes());
    content[32..36].copy_from_slice(&flags.to_le_bytes());
    resident(STANDARD_INFORMATION, "", &content)
}

/// Returns the bytes of the entries of an attribute list, which names the records of a file in the
/// master file table. `records` are their numbers and sequence numbers.
pub fn list_of(records: &[(u64, u16)]) -> Vec<u8> {
    let entry = |record: &(u64, u16)| {
        let mut entry = DATA.to_le_bytes().to_vec();
        entry.extend([32, 0, 0, 26]);
        entry.extend([0; 8]);
        entry.extend(reference(*record));
        entry.resize(32, 0);
        entry
    };
    records.iter().flat_map(entry).collect()
}

/// Returns the bytes of an attribute list that lies in the file's first record in the master file
/// table, and not in clusters. `records` are the numbers and sequence numbers of the records that
/// the list names.
pub fn list(records: &[(u64, u16)]) -> Vec<u8> {
    resident(ATTRIBUTE_LIST, "", &list_of(records))
}

/// Returns the bytes of the attribute for a reparse point with the tag `tag`, which names a link or
/// driver.
pub fn reparse(tag: u32) -> Vec<u8> {
    resident(REPARSE_POINT, "", &[&tag.to_le_bytes()[..], &[0; 4]].concat())
}

/// Returns bytes for `clusters` clusters. No byte is zero, and no two clusters have the same bytes.
/// Another `seed` gives other bytes.
pub fn filled(clusters: u64, seed: u8) -> Vec<u8> {
    let length = usize::try_from(clusters).unwrap() * CLUSTER;
    (0..length).map(|at| u8::try_from((at * 7 + at / 251 + usize::from(seed)) % 255 + 1).unwrap()).collect()
}
