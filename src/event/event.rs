//! An event of a known kind: its `System` part, and the values of its fields.

use super::System;
use super::field::{FieldLocation, FieldSpec};
use super::kind::{DNS_QUERY, EventKind, KINDS, PROCESS_CREATION, PROCESS_END};
use crate::base::byte_search::find_last;

/// An event of a known kind (such as Sysmon's DNS query), with its `System` part and the values of
/// its fields.
///
/// A value is the logged text, without the NUL that ends values in logs copied from a running
/// system. GUIDs are in canonical form: lower case, without braces. A field that is absent from the
/// record has no value; an empty field has an empty value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "StoredEvent")]
pub struct Event {
    /// The event's `System` part: who logged the event, where, when, and its number.
    pub system: System,
    #[serde(serialize_with = "by_name")]
    kind: &'static EventKind,
    /// The values of the event's fields: one for each of [`EventKind::fields`] of the event's kind,
    /// in the same order. `None` for a field without a value.
    values: Box<[Option<String>]>,
}

/// A field that code reads by name. Its name is looked up when dnsweep is compiled. The reason is
/// speed: the fields of each event that matches a rule are read some thirty times, and looking
/// their names up took more than a thirtieth of a sweep in which every tenth record matches.
struct NamedField {
    /// The field's meaning, which is the name by which detections refer to it.
    name: &'static str,
    /// The index of the field's value among the values of a Sysmon DNS query, the kind of nearly
    /// all events. `None` if DNS queries do not have the field.
    place_in_dns_query: Option<usize>,
}

impl NamedField {
    const fn new(name: &'static str) -> Self {
        NamedField { name, place_in_dns_query: DNS_QUERY.place_of(name) }
    }
}

/// An [`Event`] in the form in which it is read back from serialized data. It states its kind by
/// name, which must be that of one of [`KINDS`]. The number of values must be that of the kind's
/// fields.
#[derive(serde::Deserialize)]
struct StoredEvent {
    system: System,
    kind: String,
    /// The values as serialized: one for each of [`EventKind::fields`] of the event's kind, in the
    /// same order; null for a field without a value.
    values: Box<[Option<String>]>,
}

/// Serializes the kind of an event as its name.
fn by_name<S: serde::Serializer>(kind: &EventKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name)
}

impl TryFrom<StoredEvent> for Event {
    type Error = String;

    fn try_from(stored: StoredEvent) -> Result<Self, String> {
        let StoredEvent { system, kind: name, values } = stored;
        let kind = KINDS.into_iter().find(|kind| kind.name == name);
        let kind =
            kind.ok_or_else(|| format!("expected a kind of event, found '{}'", name.escape_debug()))?;
        if values.len() != kind.fields.len() {
            let (expected, found) = (kind.fields.len(), values.len());
            return Err(format!("expected {expected} values of a {name}, found {found}"));
        }
        Ok(Event { system, kind, values })
    }
}

impl Event {
    /// Returns an event of `kind` in which no field has a value.
    #[must_use]
    pub fn new(kind: &'static EventKind, system: System) -> Self {
        Event { system, kind, values: vec![None; kind.fields.len()].into_boxed_slice() }
    }

    /// Returns a Sysmon DNS query (event 22) in which no field has a value.
    #[must_use]
    pub fn dns_query() -> Self {
        Event::new(&DNS_QUERY, DNS_QUERY.system())
    }

    /// Returns the event with `text` as the value of the field `name`. `name` is the field's name
    /// in the record, or its meaning, which is the name by which detections refer to it. The
    /// event's kind must have the field.
    #[must_use]
    pub fn with(mut self, name: &str, text: impl Into<String>) -> Self {
        self.set(name, Some(text.into()));
        self
    }

    /// Sets the value of the field `name`, or removes it if `value` is `None`. Returns whether the
    /// event's kind has the field. `name` is the field's name in the record, or its meaning, which
    /// is the name by which detections refer to it. If several fields have that meaning, the last
    /// one is set.
    pub fn set(&mut self, name: &str, value: Option<String>) -> bool {
        let Some(index) = self.kind.indexes(name).next_back() else {
            debug_assert!(false, "expected a field of {}, found '{name}'", self.kind.title);
            return false;
        };
        self.set_at(index, value);
        true
    }

    /// Sets the value of the field at `index` in [`EventKind::fields`] of the event's kind, or
    /// removes it if `value` is `None`. An index beyond the last field changes nothing. The value
    /// of `Security/@UserID` is stored in the event's `System` part.
    pub(crate) fn set_at(&mut self, index: usize, value: Option<String>) {
        if self.kind.fields.get(index).is_some_and(|field| field.location == FieldLocation::SecurityUserId) {
            self.system.user_id = value;
        } else if let Some(known) = self.values.get_mut(index) {
            *known = value;
        }
    }

    /// Returns the event's kind.
    #[must_use]
    pub fn kind(&self) -> &'static EventKind {
        self.kind
    }

    /// Returns whether the event is of `kind`.
    #[must_use]
    pub fn is(&self, kind: &EventKind) -> bool {
        self.kind == kind
    }

    /// Returns whether the event is one of Sysmon's process events: the creation or the end of a
    /// process.
    #[must_use]
    pub fn is_process_event(&self) -> bool {
        self.is(&PROCESS_CREATION) || self.is(&PROCESS_END)
    }

    /// Returns the value of the field `name`; `None` if the event does not have the field. `name`
    /// is the field's name in the record, or its meaning, which is the name by which detections
    /// refer to it. If several fields have that meaning, the result is the value of the last one in
    /// [`EventKind::fields`] that has a value in the event: it is the most exact.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.kind.indexes(name).rev().find_map(|index| self.at(index))
    }

    /// Returns the value of a field that code reads by name, like [`Event::get`].
    fn named(&self, field: &NamedField) -> Option<&str> {
        match field.place_in_dns_query {
            Some(place) if std::ptr::eq(self.kind, &raw const DNS_QUERY) => {
                self.values.get(place)?.as_deref()
            }
            _ => self.get(field.name),
        }
    }

    /// Returns the value of the field at `index` in [`EventKind::fields`] of the event's kind;
    /// `None` if the field has no value.
    fn at(&self, index: usize) -> Option<&str> {
        match self.kind.fields.get(index)?.location {
            FieldLocation::SecurityUserId => self.system.user_id.as_deref(),
            FieldLocation::Data | FieldLocation::ExecutionProcessId => self.values.get(index)?.as_deref(),
        }
    }

    /// Returns every field of the event's kind, in the order of [`EventKind::fields`], with the
    /// value that the event has in it; `None` for a field without a value.
    pub fn fields(&self) -> impl Iterator<Item = (&'static FieldSpec, Option<&str>)> {
        self.kind.fields.iter().enumerate().map(|(index, field)| (field, self.at(index)))
    }

    /// Returns whether no field of the event has a value. The value of `Security/@UserID` does not
    /// count, because it is part of `System`.
    #[must_use]
    pub fn is_without_data(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }

    /// Returns the names of the fields that every version of the provider writes, but that have no
    /// value in the event. A DNS query with missing fields is reported as damaged.
    #[must_use]
    pub fn missing_fields(&self) -> Vec<&'static str> {
        let missing = self.fields().filter(|(field, value)| field.always && value.is_none());
        missing.map(|(field, _)| field.name).collect()
    }

    /// Returns the total length of the event's texts (its values and the texts of its `System`
    /// part), in bytes. Callers use it to limit how much text they keep in memory.
    #[must_use]
    pub fn text_length(&self) -> usize {
        let System { provider, channel, computer, time_created_raw, user_id, .. } = &self.system;
        let always = [provider, channel, computer, time_created_raw];
        self.values.iter().chain([user_id]).flatten().chain(always).map(String::len).sum()
    }

    /// Returns the field `UtcTime`: when the event happened, as logged (`2024-01-31 10:15:30.123`,
    /// in UTC). `None` if the event does not have the field.
    #[must_use]
    pub fn utc_time(&self) -> Option<&str> {
        self.named(&const { NamedField::new("UtcTime") })
    }

    /// Returns the name of the rule in Sysmon's configuration because of which the event was
    /// logged; `-` if the rule has no name. `None` if the event does not have the field.
    #[must_use]
    pub fn rule_name(&self) -> Option<&str> {
        self.named(&const { NamedField::new("RuleName") })
    }

    /// Returns the GUID that Sysmon gave to the event's process, in lower case and without braces.
    /// `None` if the event does not have the field.
    #[must_use]
    pub fn process_guid(&self) -> Option<&str> {
        self.named(&const { NamedField::new("ProcessGuid") })
    }

    /// Returns the ID of the event's process, in decimal. For a DNS query, it is the process that
    /// made the query. `None` if the event does not state it.
    #[must_use]
    pub fn process_id(&self) -> Option<&str> {
        self.named(&const { NamedField::new("ProcessId") })
    }

    /// Returns the path of the executable file of the event's process; `None` if the event does not
    /// state it.
    #[must_use]
    pub fn image(&self) -> Option<&str> {
        self.named(&const { NamedField::new("Image") })
    }

    /// Returns the file name of the executable of the event's process: the part of the path after
    /// its last backslash. `None` if the event does not state the path.
    #[must_use]
    pub fn process_name(&self) -> Option<&str> {
        self.image().map(process_name_of)
    }

    /// Returns the account that the event's process runs as. `None` if the event does not state it:
    /// older versions of Sysmon do not log the account.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.named(&const { NamedField::new("User") })
    }

    /// Returns the name that a DNS query asked for. It need not be a valid domain name. `None` if
    /// the event does not state it.
    #[must_use]
    pub fn query_name(&self) -> Option<&str> {
        self.named(&const { NamedField::new("QueryName") })
    }

    /// Returns the Windows error code that a DNS query ended with, in decimal. `None` if the event
    /// does not state it.
    #[must_use]
    pub fn query_status(&self) -> Option<&str> {
        self.named(&const { NamedField::new("QueryStatus") })
    }

    /// Returns the resolver's answer to a DNS query as logged: items that each end in `;`, or `-`
    /// if there are none. `None` if the event does not have the field.
    #[must_use]
    pub fn query_results(&self) -> Option<&str> {
        self.named(&const { NamedField::new("QueryResults") })
    }
}

/// Returns the file name in the path of an executable file: what follows the last backslash, or the
/// whole text if it has no backslash.
#[must_use]
pub fn process_name_of(image: &str) -> &str {
    find_last(b'\\', image.as_bytes()).and_then(|last| image.get(last + 1..)).unwrap_or(image)
}

#[cfg(test)]
mod tests {
    use super::super::kind::DNS_CLIENT_QUERY;
    use super::*;

    #[test]
    fn process_name_is_what_follows_the_last_backslash() {
        for (image, name) in [
            (r"C:\Windows\cmd.exe", "cmd.exe"),
            ("cmd.exe", "cmd.exe"),
            (r"C:\dir\", ""),
            ("<unknown process>", "<unknown process>"),
            ("", ""),
        ] {
            assert_eq!(process_name_of(image), name, "{image}");
        }
    }

    #[test]
    fn the_process_that_asks_is_the_client_of_the_one_that_wrote_the_event() {
        let written = Event::new(&DNS_CLIENT_QUERY, System::default()).with("Execution/@ProcessID", "1");
        assert_eq!(written.process_id(), Some("1"));
        let asked = written.with("ClientPID", "2");
        assert_eq!(asked.process_id(), Some("2"));
        assert_eq!((asked.get("Execution/@ProcessID"), asked.get("ClientPID")), (Some("1"), Some("2")));
    }

    /// Compares the fields that are looked up when dnsweep is compiled with those that are looked
    /// up by name.
    #[test]
    fn fields_that_code_reads_are_those_with_their_names() {
        for kind in KINDS {
            let mut event = Event::new(kind, System::default());
            for (index, field) in kind.fields.iter().enumerate() {
                event.set_at(index, Some(field.name.to_owned()));
            }
            for (value, name) in [
                (event.rule_name(), "RuleName"),
                (event.utc_time(), "UtcTime"),
                (event.process_guid(), "ProcessGuid"),
                (event.process_id(), "ProcessId"),
                (event.query_name(), "QueryName"),
                (event.query_status(), "QueryStatus"),
                (event.query_results(), "QueryResults"),
                (event.image(), "Image"),
                (event.user(), "User"),
            ] {
                assert_eq!(value, event.get(name), "{name} of {}", kind.name);
                // Where several fields have one meaning, the last that has a value counts.
                assert!(DNS_QUERY.indexes(name).count() == 1, "{name}");
            }
            for name in kind.fields.iter().map(|field| field.meaning).chain(["", "QueryNam", "QueryNames"]) {
                let place = kind
                    .indexes(name)
                    .rev()
                    .find(|index| kind.fields[*index].location != FieldLocation::SecurityUserId);
                assert_eq!(kind.place_of(name), place, "{name} of {}", kind.name);
            }
        }
    }

    #[test]
    fn a_stored_event_is_the_same_and_one_of_another_table_is_refused() {
        let event = Event::dns_query().with("QueryName", "a.example").with("Image", "");
        let stored = postcard::to_allocvec(&event).unwrap();
        assert_eq!(postcard::from_bytes::<Event>(&stored).unwrap(), event);
        for (kind, values) in [("dns_query", 8), ("dns_client_query", 9), ("other", 9)] {
            let other = (System::default(), kind, vec![None::<String>; values]);
            let stored = postcard::to_allocvec(&other).unwrap();
            assert!(postcard::from_bytes::<Event>(&stored).is_err(), "{kind} {values}");
        }
    }
}
