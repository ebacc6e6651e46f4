//! What kind of content a file has, judged by its first bytes.

use std::io;
use std::path::Path;

use super::Links;
use crate::base::platform::files::Link;
use crate::evidence::container::Format;
use crate::evidence::event_form::event_form;
use crate::evidence::event_xml::{Encoding, HEAD_SIZE, encoding_of};
use crate::evidence::source::{CHUNK_SIGNATURE, FILE_SIGNATURE, FileBytes, LogBytes};
use crate::ledger::event_form::EventForm;

/// The first bytes of an AppleDouble file. macOS writes such a file, `._x.evtx`, beside the copy
/// `x.evtx`, for attributes that the file system of the copy cannot store.
const APPLE_DOUBLE: &[u8] = &[0x00, 0x05, 0x16, 0x07];
/// The number of bytes at the start of a file by which its kind of content is judged. They are
/// enough to recognise event XML. They are also enough for an event log whose file header is
/// damaged, by the signature of the chunk that follows the header. Containers are recognised by
/// these bytes, too, so that a container format whose signature lies further in is not recognised.
pub(super) const LOOKED_AT: usize = HEAD_SIZE + CHUNK_SIGNATURE.len();

/// Returns the first bytes of the file at `path`, at most [`LOOKED_AT`]. `links` says whether a
/// symbolic link at `path` is followed. If it is not, the function fails for a link.
pub(super) fn head_of_file(path: &Path, links: Links) -> io::Result<Vec<u8>> {
    let link = if links == Links::Follow { Link::Followed } else { Link::Refused };
    let mut head = vec![0; LOOKED_AT];
    let read = FileBytes::open(path, link)?.read_at(0, &mut head)?;
    head.truncate(read);
    Ok(head)
}

/// The kind of content that a file seems to have, judged by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentHint {
    /// The file begins with the signature of an event log or of a chunk of one, or has the
    /// signature of a chunk at the offset at which the first chunk of a log is.
    Log,
    /// The file begins like event XML in this text encoding.
    Xml(Encoding),
    /// The file has events in a form that dnsweep does not read, such as JSON.
    Events(EventForm),
    /// The file is an AppleDouble file, which macOS writes beside the copy of another file. It has
    /// none of that file's content.
    AppleDouble,
    /// The file is an archive, a packed file or a disk image, in this format.
    Container(Format),
    /// The first bytes of the file are not those of any content that dnsweep knows.
    Other,
    /// The first bytes of the file cannot be read.
    Unreadable,
}

impl ContentHint {
    /// Returns the kind of content that a file seems to have. `head` is its first bytes, at most
    /// [`LOOKED_AT`], or the error why they cannot be read.
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
