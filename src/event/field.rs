//! The fields of a kind of event: their names, where a record stores them, and as what type. The
//! table of each kind, in the module `kind`, lists the fields of the kind.

/// A field that events of a kind can have: its names, where the record stores it, and as what type.
/// [`EventKind::fields`](super::EventKind::fields) lists the fields of a kind.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// The field's name in the record and in Sigma: the `Name` of a `Data` element, or a path in
    /// `System`.
    pub name: &'static str,
    /// The names that the field has instead of `name` in events that other versions of the provider
    /// logged, or in events of the kind with another event ID.
    pub other_names: &'static [&'static str],
    /// The name by which detections refer to the field, the same for all kinds of events:
    /// `ProcessId` for `ClientPID`, for example. If several fields of a kind have one meaning, the
    /// last one in [`EventKind::fields`](super::EventKind::fields) that has a value in the event is
    /// the most exact.
    pub meaning: &'static str,
    /// The names of the field in Splunk, besides `name`, as Splunk's add-on for Sysmon sets them.
    pub splunk: &'static [&'static str],
    /// The part of an event's XML in which the field is found.
    pub location: FieldLocation,
    /// The type in which a record stores the field's value, unless the record was forwarded: a
    /// forwarded record stores every value as text.
    pub field_type: FieldType,
    /// True if every version of the provider writes the field. A DNS query without such a field is
    /// reported as damaged.
    pub always: bool,
    /// True if the hash by which the output identifies an event covers the field. A field that is
    /// added to [`EventKind::fields`](super::EventKind::fields) later is not hashed, because
    /// otherwise all hashes would differ from those in earlier outputs.
    pub hashed: bool,
}

/// The part of an event's XML in which a field is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldLocation {
    /// The field is a `Data` element of `EventData`, as most fields are.
    Data,
    /// The field is the attribute `System/Execution/@ProcessID`: the ID of the process that wrote
    /// the event.
    ExecutionProcessId,
    /// The field is the attribute `System/Security/@UserID`. Its value is kept in the event's
    /// [`System`](super::System) part, not among the other values.
    SecurityUserId,
}

/// The type in which a field's value is stored in a record that was not forwarded. A forwarded
/// record stores every value as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// Arbitrary text, stored as text.
    Text,
    /// A decimal number that is stored as text, such as `QueryStatus`.
    TextNumber,
    /// A time that is stored as text, such as Sysmon's `UtcTime`.
    TextTime,
    /// A number that is stored in binary and shown in decimal.
    Number,
    /// A 64-bit number that is stored in binary and shown in hexadecimal.
    Hexadecimal,
    /// A GUID that is stored as 16 bytes and shown in lower case, without braces.
    Guid,
}

impl FieldSpec {
    /// Returns the description of a field that is a `Data` element of `EventData`. The name by
    /// which detections refer to the field is `name`. It has no other names, and the hash by which
    /// the output identifies an event covers it.
    pub(super) const fn data(name: &'static str, field_type: FieldType) -> Self {
        FieldSpec {
            name,
            other_names: &[],
            meaning: name,
            splunk: &[],
            location: FieldLocation::Data,
            field_type,
            always: false,
            hashed: true,
        }
    }

    /// Returns the description of a field that is an attribute in an event's `System` part and
    /// contains a number.
    pub(super) const fn system(name: &'static str, location: FieldLocation) -> Self {
        FieldSpec { location, ..FieldSpec::data(name, FieldType::Number) }
    }

    /// Returns the field, marked as one that every version of the provider writes.
    pub(super) const fn always(self) -> Self {
        FieldSpec { always: true, ..self }
    }

    /// Returns the field with `splunk` as the further names that Splunk's add-on for Sysmon gives
    /// it.
    pub(super) const fn splunk(self, splunk: &'static [&'static str]) -> Self {
        FieldSpec { splunk, ..self }
    }

    /// Returns the field with `meaning` as the name by which detections refer to it.
    pub(super) const fn meaning(self, meaning: &'static str) -> Self {
        FieldSpec { meaning, ..self }
    }

    /// Returns the field with `other_names` as its other names: those that it has instead of `name`
    /// in events that some versions of the provider logged, or in events with some of the kind's
    /// event IDs.
    pub(super) const fn or_called(self, other_names: &'static [&'static str]) -> Self {
        FieldSpec { other_names, ..self }
    }

    /// Returns the names that the field can have in `EventData`: first its usual name, then the
    /// other ones. The path of a field in `System` is left out.
    pub fn data_names(&self) -> impl Iterator<Item = &'static str> {
        let name = (self.location == FieldLocation::Data).then_some(self.name);
        name.into_iter().chain(self.other_names.iter().copied())
    }
}

impl FieldType {
    /// Returns whether values of this type can be searched for in the bytes of a record: only
    /// texts, and numbers that are stored as text. Times cannot, even those that are stored as
    /// text.
    #[must_use]
    pub fn is_searchable(self) -> bool {
        matches!(self, FieldType::Text | FieldType::TextNumber)
    }
}
