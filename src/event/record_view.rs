//! A record as its file stores it: its bytes, what each of them means, and the event as XML. Plain
//! data: `scan` makes it, and `report` shows it to people who want to see the evidence itself.

/// A record of an event log, or an event in event XML, as its file stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordView {
    /// The offset of the chunk that contains the record, in bytes from the start of the file.
    /// `None` in event XML, which has no chunks, and if no chunk was found.
    pub chunk_offset: Option<u64>,
    /// The record's bytes.
    pub bytes: Vec<u8>,
    /// What the bytes mean, part by part, in the order of their offsets. The parts cover all bytes,
    /// and do not overlap.
    pub parts: Vec<RecordPart>,
    /// The event as XML, or the reason why the record cannot be rendered.
    pub xml: Result<String, String>,
}

/// Adjacent bytes of a record that have one meaning, such as the record's size or one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPart {
    /// The offset of the part's first byte, from the start of the record.
    pub offset: usize,
    /// The length of the part, in bytes.
    pub length: usize,
    /// The number of values of the type binary XML that contain the part, each nested in the one
    /// before: 0 for the record itself, 1 inside the value that is its `EventData`.
    pub depth: usize,
    /// What the bytes of the part are, such as `size of the record in bytes`.
    pub name: String,
    /// The content of the part as text, such as `1208` for a size; `None` if it is not shown as
    /// text, such as that of a signature.
    pub value: Option<String>,
}
