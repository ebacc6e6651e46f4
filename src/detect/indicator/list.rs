//! A list of indicators while it is read: the entries so far, their counts by kind, and the entries
//! that are left out, with the reasons.

use serde::{Deserialize, Serialize};

use super::entry::{Form, Indicator, indicator, shown};
use crate::detect::predicate::listed::{Added, AddressList, NameList};
use crate::detect::predicate::text_index::Described;
use crate::event::is_public_suffix;

/// The maximum number of left-out entries whose reasons are kept, for each kind: those that are not
/// understood, and all others. Also the maximum number of remarks on a list that are kept.
pub const MOST_LEFT_OUT: usize = 10;

/// The maximum number of entries that all lists of indicators of a sweep can have together. More
/// are an error. Each entry takes about fifty bytes of memory, and a network about a hundred.
pub const MOST_INDICATORS: u64 = 4_000_000;

/// How many entries of each kind a list of indicators has, and what is left out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndicatorCounts {
    /// The number of domain names that match themselves and all names below them.
    pub names: u64,
    /// The number of domain names that match only themselves.
    pub exact_names: u64,
    /// The number of patterns with wildcards for names, including those such as `*.evil.example`.
    pub patterns: u64,
    /// The number of single addresses.
    pub addresses: u64,
    /// The number of networks with more than one address.
    pub networks: u64,
    /// The number of entries that are URLs, of which only the host is used. The fields above count
    /// these entries, too.
    pub urls: u64,
    /// The number of entries that describe the same names or addresses as an earlier entry. No
    /// other field of this type counts them.
    pub repeated: u64,
    /// The entries of the list that are left out because they are not understood, such as misspelt
    /// names. It is not known what they would match.
    pub not_understood: LeftOut,
    /// The entries of the list that are left out because they cannot be seen in DNS queries, such
    /// as hashes of files, or because the list itself withdraws them.
    pub other: LeftOut,
}

/// The entries of a list of indicators that are left out for one kind of reason: because they are
/// not understood, or for any other reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The number of entries that are left out.
    pub count: u64,
    /// For each of the first [`MOST_LEFT_OUT`] entries that are left out, a text with the entry's
    /// place in the list and the reason why it is left out.
    pub first: Vec<String>,
}

impl LeftOut {
    fn add(&mut self, reason: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < MOST_LEFT_OUT {
            self.first.push(reason());
        }
    }
}

impl IndicatorCounts {
    /// The number of entries that are looked for in DNS queries: those of all kinds, without
    /// repeated entries and those that are left out.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.names + self.exact_names + self.patterns + self.addresses + self.networks
    }

    /// Returns the number of entries of each kind that the list has, in words, such as `2 names, 1
    /// network`. Kinds without an entry are left out.
    #[must_use]
    pub fn text(&self) -> String {
        let kinds = [
            (self.names, "name", "names"),
            (self.exact_names, "exact name", "exact names"),
            (self.patterns, "pattern", "patterns"),
            (self.addresses, "address", "addresses"),
            (self.networks, "network", "networks"),
        ];
        let kinds = kinds.iter().filter(|(count, ..)| *count > 0);
        let kinds: Vec<String> = kinds
            .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
            .collect();
        kinds.join(", ")
    }
}

/// A list of indicators that is being read. The readers of all forms of lists (plain text, CSV and
/// STIX) add their entries to it.
#[derive(Debug)]
pub(super) struct ListBuilder {
    /// The entries for names that were read so far.
    pub names: NameList,
    /// The entries for addresses that were read so far.
    pub addresses: AddressList,
    /// How many entries of each kind were read so far, and what was left out.
    pub counts: IndicatorCounts,
    /// Remarks for the user on the first [`MOST_LEFT_OUT`] entries that are public suffixes, such
    /// as `co.uk`. They are looked for, but match more than their author may have meant. Each
    /// remark has the place of the entry in the list.
    pub remarks: Vec<String>,
    /// The number of further entries that are public suffixes, for which there is no remark because
    /// `remarks` is full.
    pub more_remarks: u64,
}

impl ListBuilder {
    /// Makes an empty list of indicators. `name` is the name of the list, for messages.
    pub(super) fn new(name: &str) -> Self {
        ListBuilder {
            names: NameList::new(name),
            addresses: AddressList::new(name),
            counts: IndicatorCounts::default(),
            remarks: Vec::new(),
            more_remarks: 0,
        }
    }

    /// Reserves memory for the entries of a plain text that has `lines` lines and `bytes` bytes.
    pub(super) fn reserve(&mut self, lines: usize, bytes: usize) {
        let most = usize::try_from(MOST_INDICATORS).unwrap_or(usize::MAX);
        self.names.reserve(lines.min(most), bytes);
    }

    /// Returns true if the list has more than [`MOST_INDICATORS`] entries. It is then refused, so
    /// its reader can stop.
    pub(super) fn is_overfull(&self) -> bool {
        self.counts.entries() > MOST_INDICATORS
    }

    /// Parses the entry `text` and adds it to the list. An entry that is not understood is left
    /// out, and counted with the reason. `place` returns the entry's place in the list, such as
    /// `line 7`, for the reason or a remark.
    pub(super) fn add(&mut self, text: &str, place: impl FnOnce() -> String) {
        self.add_read(text, indicator(text), place);
    }

    /// Adds entries, each with the number of its line in the list, as [`ListBuilder::add`] does.
    /// This is faster, because the memory for all of them is fetched at the same time.
    pub(super) fn add_lines(&mut self, entries: &[(usize, &str)]) {
        let read: Vec<_> = entries.iter().map(|(_, text)| indicator(text)).collect();
        for (found, _) in read.iter().flatten() {
            if let Indicator::Name(name) = found {
                self.names.prepare(Described::ItselfAndBelow(name));
            }
        }
        for ((line, text), read) in entries.iter().zip(read) {
            self.add_read(text, read, || format!("line {line}"));
        }
    }

    /// Adds the entry `text`, or leaves it out and counts it if it was not understood. `read` is
    /// the result of parsing the entry. `place` returns the entry's place in the list, such as
    /// `line 7`.
    fn add_read(
        &mut self,
        text: &str,
        read: Result<(Indicator, Form), String>,
        place: impl FnOnce() -> String,
    ) {
        match read {
            Ok((found, form)) => self.add_indicator(text, found, form, place),
            Err(problem) => self.not_understood(|| format!("{}: {problem}", place())),
        }
    }

    /// Adds an entry that was parsed, and counts it. If an earlier entry describes the same names
    /// or addresses, the new one is only counted as repeated. `text` is the entry as written in the
    /// list, and `found` is what the entry describes. `place` returns its place in the list, such
    /// as `line 7`.
    pub(super) fn add_indicator(
        &mut self,
        text: &str,
        found: Indicator,
        form: Form,
        place: impl FnOnce() -> String,
    ) {
        if let Indicator::Name(name) | Indicator::Below(name) = &found
            && is_public_suffix(name)
        {
            self.remark(|| {
                format!(
                    "{}: '{}' is a public suffix, so every domain that is registered below it matches",
                    place(),
                    shown(text)
                )
            });
        }
        let counts = &mut self.counts;
        let (count, added) = match found {
            Indicator::Name(name) => {
                (&mut counts.names, self.names.add(text, Described::ItselfAndBelow(&name)))
            }
            Indicator::ExactName(name) => {
                (&mut counts.exact_names, self.names.add(text, Described::Itself(&name)))
            }
            Indicator::Below(name) => (&mut counts.patterns, self.names.add(text, Described::Below(&name))),
            Indicator::Pattern(pattern) => (&mut counts.patterns, self.names.add_pattern(text, pattern)),
            Indicator::Network(network) if network.is_address() => {
                (&mut counts.addresses, self.addresses.add(text, network))
            }
            Indicator::Network(network) => (&mut counts.networks, self.addresses.add(text, network)),
        };
        match added {
            Added::New => {
                *count += 1;
                counts.urls += u64::from(form == Form::Url);
            }
            Added::Repeated => counts.repeated += 1,
        }
    }

    /// Adds a remark for the user on an entry that is looked for. If the list has [`MOST_LEFT_OUT`]
    /// remarks already, the new one is only counted.
    fn remark(&mut self, remark: impl FnOnce() -> String) {
        if self.remarks.len() < MOST_LEFT_OUT {
            self.remarks.push(remark());
        } else {
            self.more_remarks += 1;
        }
    }

    /// Counts an entry that is left out because it is not understood. `reason` gives its place in
    /// the list, what was expected and what was found.
    pub(super) fn not_understood(&mut self, reason: impl FnOnce() -> String) {
        self.counts.not_understood.add(reason);
    }

    /// Counts an entry that is left out because no DNS query can show it, or because the list
    /// itself withdraws it. `reason` gives its place in the list and says what the entry is.
    pub(super) fn other(&mut self, reason: impl FnOnce() -> String) {
        self.counts.other.add(reason);
    }
}
