//! The events of a chunk that are read directly from the values of their records, without the
//! decoder (the `evtx` crate), and how much text they may have together.

use crate::event::Event;

/// The greatest amount of text, in bytes, in the events that are read from a chunk directly. It is
/// several times that of a real chunk of 64 KiB. A crafted template definition can repeat a text in
/// each record of a chunk. A chunk with more text is decoded as a whole, for which there is another
/// limit.
const MOST_TEXT: usize = 1 << 18;

/// The events that were read from a chunk without the decoder (the `evtx` crate).
#[derive(Debug, Default)]
pub(super) struct ReadEvents {
    /// Each event that was read without the decoder (the `evtx` crate), and the offset of its
    /// record in the chunk, in bytes.
    events: Vec<(usize, Event)>,
    /// The total length, in bytes, of the texts of the events.
    text: usize,
}

impl ReadEvents {
    /// Adds an event whose record begins at offset `start` in the chunk.
    pub(super) fn push(&mut self, start: usize, event: Event) {
        self.text += event.text_length();
        self.events.push((start, event));
    }

    /// Returns whether the events together have more text than those of any real chunk. Callers
    /// then do not use the events: the chunk must be decoded as a whole, or scanned again.
    pub(super) fn has_too_much_text(&self) -> bool {
        self.text > MOST_TEXT
    }

    /// Returns whether no event was read.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Removes all events.
    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.text = 0;
    }

    /// Removes and returns all events, each with the offset of its record in the chunk.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (usize, Event)> {
        self.text = 0;
        self.events.drain(..)
    }
}
