//! What the first bytes of a file show.

use std::io;
use std::path::Path;

use super::Links;
use crate::base::platform::files::Link;
use crate::evidence::container::Format;
use crate::evidence::event_form::event_form;
use crate::evidence::event_xml::{Encoding, HEAD_SIZE, encoding_of};
use crate::evidence::source::{CHUNK_SIGNATURE, FILE_SIGNATURE, FileBytes, LogBytes};
use crate::ledger::event_form::EventForm;

/// The first bytes of an AppleDouble file, in which macOS keeps what another file system cannot:
/// `._x.evtx` beside the copy `x.evtx`.
const APPLE_DOUBLE: &[u8] = &[0x00, 0x05, 0x16, 0x07];
/// The number of a file's first bytes that are examined. They show event XML, or a log without its
/// header by the signature of the chunk that follows the header.
pub(super) const LOOKED_AT: usize = HEAD_SIZE + CHUNK_SIGNATURE.len();

/// The first bytes of the file at `path`, up to [`LOOKED_AT`].
pub(super) fn head_of_file(path: &Path, links: Links) -> io::Result<Vec<u8>> {
    let link = if links == Links::Follow { Link::Followed } else { Link::Refused };
    let mut head = vec![0; LOOKED_AT];
    let read = FileBytes::open(path, link)?.read_at(0, &mut head)?;
    head.truncate(read);
    Ok(head)
}

/// What a file's first bytes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentHint {
    /// An event log, or chunks of one.
    Log,
    /// Event XML in this encoding.
    Xml(Encoding),
    /// Events in a form that dnsweep does not read.
    Events(EventForm),
    /// The companion of another file, which macOS writes.
    AppleDouble,
    /// An archive, or the image of a disk.
    Container(Format),
    /// Nothing of these.
    Other,
    /// The bytes cannot be read.
    Unreadable,
}

impl ContentHint {
    /// What `head` shows: up to [`LOOKED_AT`] of a file's first bytes, or why they cannot be read.
    pub(super) fn of(head: io::Result<Vec<u8>>) -> Self {
        let Ok(head) = head else { return ContentHint::Unreadable };
        let (first, after_header) = head.split_at(head.len().min(HEAD_SIZE));
        if first.starts_with(FILE_SIGNATURE)
            || [first, after_header].iter().any(|part| part.starts_with(CHUNK_SIGNATURE))
        {
            ContentHint::Log
        } else if first.starts_with(APPLE_DOUBLE) {
            ContentHint::AppleDouble
        } else if let Some(encoding) = encoding_of(first) {
            ContentHint::Xml(encoding)
        } else if let Some(form) = event_form(first) {
            ContentHint::Events(form)
        } else {
            Format::of_head(&head).map_or(ContentHint::Other, ContentHint::Container)
        }
    }
}
