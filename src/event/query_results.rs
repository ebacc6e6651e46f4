//! The field `QueryResults`: the resolver's answer, as one string of items that each end in `;`.
//!
//! Windows' DNS client writes the string, and Sysmon copies it. A value that was logged whole ends
//! in `;`, in Sysmon's event 22 and in the DNS client's events 3008 and 3020. Otherwise the value
//! was cut off, and what follows the last `;` is only the beginning of an item. That beginning must
//! not count as a whole item: `198.51.100.23` may have been cut to `198.51.100.2`.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The type given to an item of `QueryResults` that is neither an address nor of the form `type:
/// <n> <data>`.
const UNKNOWN: Cow<'static, str> = Cow::Borrowed("?");

/// One item of `QueryResults`: an answer of the resolver to a DNS query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'r> {
    /// The name of the DNS record type (`A`, `AAAA`, `CNAME`, …), or `TYPE<n>` for a number without
    /// a known name. It is `?` for an item that is neither an address nor of the form `type: <n>
    /// <data>`. For an item that was cut off, it is `?` unless the item has this form and at least
    /// the start of `<data>`.
    pub kind: Cow<'static, str>,
    /// The data of the answer: an address, a name, or the whole item if its type is `?`. Empty if
    /// the log has no data.
    pub data: Cow<'r, str>,
    /// True if the answer is incomplete, because the logged value of `QueryResults` ends within it.
    pub cut: bool,
}

/// A parsed `QueryResults` value: its answers, and the addresses among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryResults<'r> {
    /// All answers of the resolver, in the logged order, including one that was cut off.
    pub answers: Vec<Answer<'r>>,
    /// The addresses among the complete answers, in the logged order. An IPv4 address logged as
    /// `::ffff:1.2.3.4` is `1.2.3.4` here.
    pub resolved_ips: Vec<Cow<'r, str>>,
}

impl<'r> QueryResults<'r> {
    /// Parses a logged `QueryResults`. `-` and an empty string mean no answers. An item of unknown
    /// form is kept whole, with the type `?`: nothing that was logged is dropped.
    #[must_use]
    pub fn parse(text: &'r str) -> Self {
        let mut results = QueryResults::default();
        for item in whole_items(text) {
            let (kind, data) = if let Some((kind, data)) = address(item) {
                results.resolved_ips.push(data.clone());
                (Cow::Borrowed(kind), data)
            } else if let Some((number, data)) = typed(item) {
                (record_type_name(number), data.into())
            } else {
                (UNKNOWN, item.into())
            };
            results.answers.push(Answer { kind, data, cut: false });
        }
        if let Some(fragment) = fragment(text) {
            // A type's number is complete once a blank follows it.
            let typed = typed(fragment).filter(|(_, data)| !data.is_empty());
            let (kind, data) =
                typed.map_or((UNKNOWN, fragment), |(number, data)| (record_type_name(number), data));
            results.answers.push(Answer { kind, data: data.into(), cut: true });
        }
        results
    }
}

/// Returns the complete items of a logged `QueryResults`, in order and without white space around
/// them, such as addresses and texts of the form `type: <n> <data>`. An item that was cut off is
/// left out, as are empty items.
pub fn whole_items(text: &str) -> impl Iterator<Item = &str> {
    let whole = text.rsplit_once(';').map_or("", |(whole, _)| whole);
    whole.split(';').map(str::trim).filter(|item| !item.is_empty())
}

/// Returns the beginning of the item in which a logged `QueryResults` was cut off; `None` if it was
/// not cut off.
fn fragment(text: &str) -> Option<&str> {
    let last = text.rsplit_once(';').map_or(text, |(_, last)| last).trim();
    (!last.is_empty() && text.trim() != "-").then_some(last)
}

/// An item of `QueryResults` as Splunk's add-on for Sysmon extracts it. Its texts are parts of the
/// logged value, except for the names of record types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerItem<'a> {
    /// A DNS record other than an address, logged in the form `type: <n> <data>`.
    Record {
        /// The name of the DNS record's type, such as `CNAME`, or the type's number if it has no
        /// known name.
        kind: &'a str,
        /// The data of the DNS record, such as the name that a `CNAME` leads to.
        data: &'a str,
    },
    /// An IP address, without the prefix `::ffff:` of an IPv4 address in IPv6 form.
    Address(&'a str),
}

/// Returns the items of a logged `QueryResults` that become field values in Splunk's add-on for
/// Sysmon: addresses, and items of the form `type: <n> <data>` whose data is not empty. An item
/// that was cut off is left out.
pub fn answer_items(text: &str) -> impl Iterator<Item = AnswerItem<'_>> {
    whole_items(text).filter_map(|item| {
        if let Some(rest) = item.strip_prefix("type:") {
            let rest = rest.trim_start();
            let (number, data) = rest.split_once(' ')?;
            let known: u32 = number.parse().ok()?;
            let kind = match record_type_name(known) {
                Cow::Borrowed(name) => name,
                Cow::Owned(_) => number,
            };
            let data = data.trim();
            return (!data.is_empty()).then_some(AnswerItem::Record { kind, data });
        }
        item.parse::<IpAddr>().ok()?;
        Some(AnswerItem::Address(item.strip_prefix("::ffff:").unwrap_or(item)))
    })
}

/// Parses an item of `QueryResults` as an IP address. Returns the name of the record type (`A` or
/// `AAAA`) and the address in canonical form. An IPv4 address in IPv6 form (`::ffff:192.0.2.1`)
/// becomes plain IPv4. `None` if the item is not an address.
fn address(item: &str) -> Option<(&'static str, Cow<'_, str>)> {
    // This is the usual form. An IPv4 address can be written in one way only, so it is kept
    // unchanged.
    let undressed = item.strip_prefix("::ffff:").unwrap_or(item);
    if undressed.parse::<Ipv4Addr>().is_ok() {
        return Some(("A", undressed.into()));
    }
    let address: Ipv6Addr = item.parse().ok()?;
    Some(match address.to_ipv4_mapped() {
        Some(undressed) => ("A", undressed.to_string().into()),
        None => ("AAAA", address.to_string().into()),
    })
}

/// Parses an item of `QueryResults` of the form `type: <n> <data>`. Returns the record type's
/// number, and the data, which is empty if it is missing. Two blanks follow the colon in logs up to
/// early 2024, otherwise one. `None` if the item has another form.
fn typed(item: &str) -> Option<(u32, &str)> {
    let rest = item.strip_prefix("type:")?.trim_start();
    let (number, data) = rest.split_once(' ').unwrap_or((rest, ""));
    Some((number.parse().ok()?, data.trim()))
}

/// Returns the name of a DNS record type in IANA's registry, or `TYPE<n>` if the number has no
/// known name. 65281 and 65282 are types of Windows itself.
#[must_use]
pub fn record_type_name(number: u32) -> Cow<'static, str> {
    let name = match number {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        13 => "HINFO",
        15 => "MX",
        16 => "TXT",
        17 => "RP",
        24 => "SIG",
        25 => "KEY",
        28 => "AAAA",
        29 => "LOC",
        33 => "SRV",
        35 => "NAPTR",
        39 => "DNAME",
        41 => "OPT",
        43 => "DS",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        50 => "NSEC3",
        52 => "TLSA",
        64 => "SVCB",
        65 => "HTTPS",
        99 => "SPF",
        255 => "ANY",
        256 => "URI",
        257 => "CAA",
        65281 => "WINS",
        65282 => "WINSR",
        _ => return Cow::Owned(format!("TYPE{number}")),
    };
    Cow::Borrowed(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answers(text: &str) -> Vec<(String, String)> {
        QueryResults::parse(text)
            .answers
            .into_iter()
            .map(|answer| {
                assert!(!answer.cut, "{text}");
                (answer.kind.into_owned(), answer.data.into_owned())
            })
            .collect()
    }

    fn pair(kind: &str, data: &str) -> (String, String) {
        (kind.to_owned(), data.to_owned())
    }

    /// A proptest strategy for items of `QueryResults` that are IP addresses in various forms, or
    /// nearly so.
    fn item() -> impl Strategy<Value = String> {
        let v6 = prop_oneof![
            any::<u128>().prop_map(Ipv6Addr::from),
            any::<Ipv4Addr>().prop_map(|v4| v4.to_ipv6_mapped())
        ];
        prop_oneof![
            any::<Ipv4Addr>().prop_map(|v4| v4.to_string()),
            any::<Ipv4Addr>().prop_map(|v4| format!("::ffff:{v4}")),
            v6.clone().prop_map(|v6| v6.to_string().to_uppercase()),
            v6.prop_map(|v6| v6.segments().map(|part| format!("{part:04x}")).join(":")),
            "(::ffff:){0,2}[0-9.]{1,12}",
            "[0-9a-f:]{2,12}",
        ]
    }

    proptest! {
        /// Compares `address` with a slower function that does the obvious: it parses every item of
        /// `QueryResults` as an address, and prints the address anew.
        #[test]
        fn addresses_are_written_in_one_way(item in item()) {
            let twin = item.parse::<IpAddr>().ok().map(|address| address.to_canonical());
            let twin = twin.map(|address| (if address.is_ipv4() { "A" } else { "AAAA" }, address.to_string().into()));
            prop_assert_eq!(address(&item), twin);
        }
    }

    #[test]
    fn values_of_answers_as_the_addon_has_them() {
        let values = |text: &str| -> Vec<String> {
            let value = |item| match item {
                AnswerItem::Record { kind, data } => format!("{kind} {data}"),
                AnswerItem::Address(address) => address.to_owned(),
            };
            answer_items(text).map(value).collect()
        };
        for (text, expected) in [
            ("-", &[][..]),
            ("", &[]),
            ("::ffff:192.0.2.1;", &["192.0.2.1"]),
            (
                "type:  5 a.example;::ffff:192.0.2.1;2001:DB8::1;",
                &["CNAME a.example", "192.0.2.1", "2001:DB8::1"],
            ),
            // An item that was cut off is not a value.
            ("type: 5 a.example;192.0.2", &["CNAME a.example"]),
            ("192.0.2.1", &[]),
            ("type: 6 ;type: 4711 x;", &["4711 x"]),
        ] {
            assert_eq!(values(text), expected, "{text}");
        }
    }

    #[test]
    fn forms_seen_in_logs() {
        assert_eq!(answers("-"), []);
        assert_eq!(answers(""), []);
        assert_eq!(
            answers("type:  5 edge.example.com;type: 5 b.example;::ffff:192.0.2.1;192.0.2.2;2001:db8::1;"),
            [
                pair("CNAME", "edge.example.com"),
                pair("CNAME", "b.example"),
                pair("A", "192.0.2.1"),
                pair("A", "192.0.2.2"),
                pair("AAAA", "2001:db8::1")
            ]
        );
        assert_eq!(answers("type:  6 ;"), [pair("SOA", "")]);
        assert_eq!(answers("type: 4711 x;what;"), [pair("TYPE4711", "x"), pair("?", "what")]);
        assert_eq!(
            QueryResults::parse("type: 5 a;::ffff:192.0.2.1;fe80::1;").resolved_ips,
            ["192.0.2.1", "fe80::1"]
        );
    }

    #[test]
    fn what_was_cut_off_is_a_fragment_and_no_address() {
        for (text, whole, kind, data) in [
            ("type:  5 a.example;::ffff:192.0.2.1;::ff", &["192.0.2.1"][..], "?", "::ff"),
            ("::ffff:192.0.2.1;::ffff:198.51.100.2", &["192.0.2.1"], "?", "::ffff:198.51.100.2"),
            ("192.0.2.1;192.0.2.2;52", &["192.0.2.1", "192.0.2.2"], "?", "52"),
            ("2001:db8::1;2001:db8:0:1", &["2001:db8::1"], "?", "2001:db8:0:1"),
            ("192.0.2.1;::", &["192.0.2.1"], "?", "::"),
            ("192.0.2.1", &[], "?", "192.0.2.1"),
            ("192.0.2.1;-", &["192.0.2.1"], "?", "-"),
            ("type:  5 a.example;type:  5 ver", &[], "CNAME", "ver"),
            ("192.0.2.1;type:  2", &["192.0.2.1"], "?", "type:  2"),
            ("192.0.2.1;ty", &["192.0.2.1"], "?", "ty"),
        ] {
            let QueryResults { answers, resolved_ips } = QueryResults::parse(text);
            assert_eq!(resolved_ips, whole, "{text}");
            let last = Answer { kind: kind.into(), data: data.into(), cut: true };
            assert_eq!(answers.last(), Some(&last), "{text}");
            assert_eq!(answers.iter().filter(|answer| answer.cut).count(), 1, "{text}");
            assert_eq!(answers.len(), whole_items(text).count() + 1, "{text}");
        }
    }

    #[test]
    fn white_space_around_a_value_cuts_nothing_off() {
        for (text, items) in [
            ("\r\n  192.0.2.1; type: 5 a.example ;\n ", &["192.0.2.1", "type: 5 a.example"][..]),
            (";;192.0.2.1;;", &["192.0.2.1"]),
            (" - ", &[]),
            ("-", &[]),
            ("", &[]),
        ] {
            assert_eq!(whole_items(text).collect::<Vec<_>>(), items, "{text}");
            assert_eq!(answers(text).len(), items.len(), "{text}");
        }
    }
}
