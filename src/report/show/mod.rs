//! Single events of an output, shown with all that is known of them: their fields, where they lie
//! in the evidence, the rules that describe them, the process and its ancestors and, if the
//! evidence is at hand, the record itself.
//!
//! Which events are wanted is decided in `selection`; `event` reads them from the tables, and
//! `ancestry` their processes. `text` and `document` show them. The evidence is read elsewhere:
//! what was read of a record comes in as a [`RecordAgain`].

mod ancestry;
mod document;
mod dump;
mod event;
mod record_again;
mod selection;
mod text;

use self::ancestry::Ancestry;
pub use self::document::{ShowDocument, show_schema};
pub use self::event::{EventPlace, FieldsOfEvent, ShownDetection, ShownEvent, ShownField};
pub use self::record_again::{Comparison, RecordAgain};
pub use self::selection::{EventId, NoEventId, NotFound, ProcessName, Wish};
pub use self::text::ShowText;
use super::answer::AnswerError;
use crate::table::Tables;

/// Which events of an output are to be shown, and how many at most.
#[derive(Debug, Clone)]
pub struct ShowQuestion {
    /// Which events are shown: those with certain hashes, or those of a host or a process.
    pub wish: Wish,
    /// The maximum number of events of a host or process that are shown; further ones are only
    /// counted. Events that are requested by their hashes are all shown.
    pub most: usize,
}

/// Events of an output, with all that its tables say of them.
#[derive(Debug)]
pub struct Shown {
    /// The events: in the order in which the user gave their hashes, or else in order of time.
    pub events: Vec<ShownEvent>,
    /// The number of requested events that are not in `events`, because there are too many.
    pub further: u64,
    /// True if the sweep looked for processes (`--context`).
    pub has_processes: bool,
}

/// Why events of an output cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShowError {
    /// A table of the output cannot be read.
    #[error(transparent)]
    Table(#[from] AnswerError),
    /// The requested events are not in the output, or the first characters of a hash stand for
    /// several events.
    #[error(transparent)]
    NotFound(#[from] NotFound),
}

impl Shown {
    /// Reads the events that `question` asks for from the tables of an output.
    pub fn read(tables: &dyn Tables, question: &ShowQuestion) -> Result<Self, ShowError> {
        let selected = selection::select(tables, question)?;
        let mut events = event::read(tables, &selected)?;
        let ancestry = Ancestry::read(tables, &events)?;
        for event in &mut events {
            ancestry.give_tree(event);
        }
        Ok(Shown { events, further: selected.further, has_processes: ancestry.is_known() })
    }
}
