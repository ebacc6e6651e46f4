//! A list of indicators as it is read: its entries so far, how many of each kind, and what is left
//! out of it, with the reasons.

use serde::{Deserialize, Serialize};

use super::entry::{Form, Indicator, indicator, shown};
use crate::detect::predicate::listed::{Added, AddressList, NameList};
use crate::detect::predicate::text_index::Described;
use crate::event::is_public_suffix;

/// The most left-out entries of one kind (not understood, or not to be seen in DNS queries) of
/// which the reason is kept. Also the maximum number of remarks on a list that are kept.
pub const MOST_LEFT_OUT: usize = 10;

/// The maximum number of entries that the lists of a sweep can have together. Each takes about
/// fifty bytes of memory, and a network about a hundred.
pub const MOST_INDICATORS: u64 = 4_000_000;

/// How many entries of each kind a list of indicators has, and what is left out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndicatorCounts {
    /// The number of names that describe themselves and all names below them.
    pub names: u64,
    /// The number of names that describe themselves only.
    pub exact_names: u64,
    /// The number of patterns for names.
    pub patterns: u64,
    /// The number of single addresses.
    pub addresses: u64,
    /// The number of networks with more than one address.
    pub networks: u64,
    /// The number of the entries above that the list has as URLs, of which only the host counts.
    pub urls: u64,
    /// The number of entries that mean the same as an earlier one. No other field of this type
    /// counts them.
    pub repeated: u64,
    /// The entries that are not understood. What they would find is unknown.
    pub not_understood: LeftOut,
    /// The entries that cannot be seen in DNS queries, such as hashes of files, and those that the
    /// list itself withdraws.
    pub other: LeftOut,
}

/// Entries of one kind that are left out of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The number of entries that are left out.
    pub count: u64,
    /// Where the first of them are in the list, and why they are left out.
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
    /// The number of entries that are looked for.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.names + self.exact_names + self.patterns + self.addresses + self.networks
    }

    /// The number of entries of each kind that the list has, for people, such as `2 names, 1
    /// network`.
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

/// A list of indicators that is being read.
#[derive(Debug)]
pub(super) struct ListBuilder {
    /// The entries for names that were read so far.
    pub names: NameList,
    /// The entries for addresses that were read so far.
    pub addresses: AddressList,
    /// How many entries of each kind were read so far, and what was left out.
    pub counts: IndicatorCounts,
    /// The first remarks on entries that are looked for but match more than their author may have
    /// meant, because they are public suffixes. Each has the place of its entry in the list.
    pub remarks: Vec<String>,
    /// The number of remarks that are not in `remarks`, because it is full.
    pub more_remarks: u64,
}

impl ListBuilder {
    /// Makes an empty list with this name.
    pub(super) fn new(name: &str) -> Self {
        ListBuilder {
            names: NameList::new(name),
            addresses: AddressList::new(name),
            counts: IndicatorCounts::default(),
            remarks: Vec::new(),
            more_remarks: 0,
        }
    }

    /// Reserves memory for the entries of a text that has `lines` lines and `bytes` bytes.
    pub(super) fn reserve(&mut self, lines: usize, bytes: usize) {
        let most = usize::try_from(MOST_INDICATORS).unwrap_or(usize::MAX);
        self.names.reserve(lines.min(most), bytes);
    }

    /// Returns true if the list has more entries than the lists of a sweep can have. No more need
    /// be read.
    pub(super) fn is_overfull(&self) -> bool {
        self.counts.entries() > MOST_INDICATORS
    }

    /// Adds the entry `text`. If it is not understood, it is left out, and `place` says where in
    /// the list it is.
    pub(super) fn add(&mut self, text: &str, place: impl FnOnce() -> String) {
        self.add_read(text, indicator(text), place);
    }

    /// Adds entries, each with its line in the list, as [`ListBuilder::add`] does. It is faster,
    /// because the entries do not wait for memory one after the other.
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

    /// Adds the entry `text`, or leaves it out if it is not understood. `place` says where in the
    /// list it is.
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

    /// Adds an entry that has been read. `text` is the entry as the list has it, and `place` says
    /// where in the list it is.
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

    /// Adds a remark for the user on an entry that is looked for. If there are [`MOST_LEFT_OUT`]
    /// already, only counts it.
    fn remark(&mut self, remark: impl FnOnce() -> String) {
        if self.remarks.len() < MOST_LEFT_OUT {
            self.remarks.push(remark());
        } else {
            self.more_remarks += 1;
        }
    }

    /// Leaves out an entry that is not understood. `reason` says where in the list it is, what was
    /// expected and what was found.
    pub(super) fn not_understood(&mut self, reason: impl FnOnce() -> String) {
        self.counts.not_understood.add(reason);
    }

    /// Leaves out an entry that no DNS query can show, or that the list withdraws. `reason` says
    /// where in the list it is, and what it is.
    pub(super) fn other(&mut self, reason: impl FnOnce() -> String) {
        self.counts.other.add(reason);
    }
}
