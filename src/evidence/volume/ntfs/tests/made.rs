//! Makes small NTFS volumes. The fuzz targets use this file, too: it knows nothing of the reader.

/// Bytes in a sector, and between the marks of a record.
pub const SECTOR: usize = 512;
/// Bytes in a cluster, and in a record.
pub const CLUSTER: usize = 1024;
/// The clusters of a volume.
pub const CLUSTERS: usize = 256;
/// The first cluster of the master file table.
const TABLE_AT: usize = 8;
/// The records of the table.
pub const RECORDS: usize = 64;
/// The first cluster after the table, from which on tests lay out files.
pub const FREE: u64 = (TABLE_AT + RECORDS) as u64;
/// The root folder and its sequence number.
pub const ROOT: (u64, u16) = (5, 5);

/// A volume in memory.
pub struct Made(pub Vec<u8>);

/// What a record's header states.
#[derive(Clone, Copy)]
pub struct Head {
    pub sequence: u16,
    pub is_in_use: bool,
    pub is_folder: bool,
    pub base: (u64, u16),
}

/// The header of a file in use.
pub const FILE: Head = Head { sequence: 1, is_in_use: true, is_folder: false, base: (0, 0) };
/// The header of a folder in use.
pub const FOLDER: Head = Head { is_folder: true, ..FILE };

/// A run of clusters: how many, and where.
pub type Runs<'r> = &'r [(u64, Option<u64>)];

impl Made {
    /// A volume with a table of [`RECORDS`] records, of which those of the table itself, the root
    /// folder and an empty bitmap are there.
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

    /// Sets the clusters that the bitmap says are in use.
    pub fn bitmap(&mut self, in_use: &[u64]) {
        let mut bits = vec![0; CLUSTERS / 8];
        for cluster in in_use {
            bits[usize::try_from(cluster / 8).unwrap()] |= 1_u8 << (cluster % 8);
        }
        self.record(6, FILE, &[name(ROOT, 3, "$Bitmap"), resident(DATA, "", &bits)]);
    }

    /// Writes a record into its place in the table.
    pub fn record(&mut self, number: usize, head: Head, attributes: &[Vec<u8>]) {
        let record = record(head, attributes);
        self.put((TABLE_AT + number) as u64, &record);
    }

    /// Writes bytes from the start of a cluster on.
    pub fn put(&mut self, cluster: u64, bytes: &[u8]) {
        let start = usize::try_from(cluster).unwrap() * CLUSTER;
        self.0[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// Flips a bit in a record's mark.
    pub fn tear(&mut self, number: usize) {
        self.0[(TABLE_AT + number) * CLUSTER + SECTOR - 1] ^= 1;
    }
}

/// The types of attributes.
pub const STANDARD_INFORMATION: u32 = 0x10;
pub const ATTRIBUTE_LIST: u32 = 0x20;
pub const FILE_NAME: u32 = 0x30;
pub const DATA: u32 = 0x80;
pub const REPARSE_POINT: u32 = 0xC0;

/// A record with marks at the ends of its sectors.
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

/// Puts the marks at the ends of a record's sectors.
pub fn seal(record: &mut [u8]) {
    record[..8].copy_from_slice(b"FILE\x30\0\x03\0");
    record[48..50].copy_from_slice(&[9, 0]);
    for end in [SECTOR, CLUSTER] {
        let place = 48 + end / SECTOR * 2;
        record.copy_within(end - 2..end, place);
        record[end - 2..end].copy_from_slice(&[9, 0]);
    }
}

/// The eight bytes of a reference to a record.
pub fn reference((record, sequence): (u64, u16)) -> [u8; 8] {
    (record | u64::from(sequence) << 48).to_le_bytes()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// An attribute: what all have in common, with the sizes of its header, its name and its content.
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

/// An attribute whose bytes lie in the record.
pub fn resident(kind: u32, name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0; 8];
    header[..4].copy_from_slice(&u32::try_from(content.len()).unwrap().to_le_bytes());
    attribute(kind, 0, &header, name, content)
}

/// The sizes and flags of an attribute whose bytes lie in clusters.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub first: u64,
    pub size: u64,
    pub valid: u64,
    pub unit_shift: u8,
    pub flags: u16,
}

impl Sizes {
    /// Those of `size` bytes that are all valid.
    pub fn of(size: u64) -> Self {
        Sizes { first: 0, size, valid: size, unit_shift: 0, flags: 0 }
    }
}

/// An attribute whose bytes lie in clusters, or a part of one.
pub fn clusters(kind: u32, name: &str, sizes: Sizes, runs: Runs<'_>) -> Vec<u8> {
    let count: u64 = runs.iter().map(|(count, _)| count).sum();
    clusters_by(kind, name, sizes, count, &run_list(runs))
}

/// An attribute whose `count` clusters are where the bytes of a run list say.
pub fn clusters_by(kind: u32, name: &str, sizes: Sizes, count: u64, list: &[u8]) -> Vec<u8> {
    let mut header = sizes.first.to_le_bytes().to_vec();
    header.extend((sizes.first + count).wrapping_sub(1).to_le_bytes());
    header.extend([0, 0, sizes.unit_shift, 0, 0, 0, 0, 0]);
    for size in [count * CLUSTER as u64, sizes.size, sizes.valid] {
        header.extend(size.to_le_bytes());
    }
    attribute(kind, sizes.flags, &header, name, list)
}

/// A run list with numbers of eight bytes.
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

/// A name in a folder. Space 2 is that of short names.
pub fn name(parent: (u64, u16), space: u8, text: &str) -> Vec<u8> {
    let mut content = reference(parent).to_vec();
    content.resize(64, 0);
    content.extend([u8::try_from(text.encode_utf16().count()).unwrap(), space]);
    content.extend(utf16(text));
    resident(FILE_NAME, "", &content)
}

/// Times and flags of a file.
pub fn standard(modified: u64, flags: u32) -> Vec<u8> {
    let mut content = vec![0; 72];
    content[8..16].copy_from_slice(&modified.to_le_bytes());
    content[32..36].copy_from_slice(&flags.to_le_bytes());
    resident(STANDARD_INFORMATION, "", &content)
}

/// The bytes of an attribute list that names records.
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

/// An attribute list that lies in the record.
pub fn list(records: &[(u64, u16)]) -> Vec<u8> {
    resident(ATTRIBUTE_LIST, "", &list_of(records))
}

/// A reparse point.
pub fn reparse(tag: u32) -> Vec<u8> {
    resident(REPARSE_POINT, "", &[&tag.to_le_bytes()[..], &[0; 4]].concat())
}

/// Clusters of bytes that are all different from each other and from zeros.
pub fn filled(clusters: u64, seed: u8) -> Vec<u8> {
    let length = usize::try_from(clusters).unwrap() * CLUSTER;
    (0..length).map(|at| u8::try_from((at * 7 + at / 251 + usize::from(seed)) % 255 + 1).unwrap()).collect()
}
