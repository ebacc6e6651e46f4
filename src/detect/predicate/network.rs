//! Networks of IP addresses, as rules write them. The only user of `ipnet`.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::detect::predicate::field::Field;
use crate::event::whole_items;

/// A network, such as `192.0.2.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Reads a network, or a single address. The error says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network
            .map(Network)
            .map_err(|_| format!("expected a network such as 192.0.2.0/24, found '{}'", text.escape_debug()))
    }

    /// Whether one of the addresses in a field's value lies in the network. A value is an address,
    /// and that of QueryResults several items, of which those count that were not cut off.
    #[must_use]
    pub fn holds_one_of(&self, field: Field, value: &str) -> bool {
        match field {
            Field::QUERY_RESULTS => whole_items(value).any(|item| self.holds(item)),
            _ => self.holds(value.trim_ascii()),
        }
    }

    /// Whether a text is an address of the network, or holds one as QueryResults does.
    pub(in crate::detect) fn holds_some_of(&self, text: &str) -> bool {
        addresses(text).any(|address| self.holds(address))
    }

    /// Whether an address lies in the network. An IPv4 address written as an IPv6 one counts as
    /// what it is; a text that is no address lies in none.
    fn holds(&self, address: &str) -> bool {
        address.parse::<IpAddr>().is_ok_and(|address| self.0.contains(&address.to_canonical()))
    }

    /// The network as text, such as `192.0.2.0/24`.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}

/// The texts that may be addresses in one that is one, or that is a value of QueryResults.
fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let several = text.contains(';');
    let one = (!several).then(|| text.trim_ascii());
    whole_items(if several { text } else { "" }).chain(one)
}

/// Networks with a number each, found by an address without looking at all of them.
#[derive(Debug, Default)]
pub(in crate::detect) struct Networks {
    numbers: HashMap<IpNet, Vec<usize>>,
    /// The lengths of the prefixes among them, of either family.
    lengths: BTreeSet<u8>,
}

impl Networks {
    /// Adds a network with its number.
    pub(in crate::detect) fn add(&mut self, network: Network, number: usize) {
        self.lengths.insert(network.0.prefix_len());
        self.numbers.entry(network.0.trunc()).or_default().push(number);
    }

    /// Hands out the numbers of those that hold one of the addresses in a value, as
    /// [`Network::holds_some_of`] has it.
    pub(in crate::detect) fn find(&self, value: &str, mut found: impl FnMut(usize)) {
        for address in addresses(value).filter_map(|item| item.parse::<IpAddr>().ok()) {
            let around =
                self.lengths.iter().filter_map(|length| IpNet::new(address.to_canonical(), *length).ok());
            for number in around.filter_map(|network| self.numbers.get(&network.trunc())).flatten() {
                found(*number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_and_out() {
        for (network, value, expected) in [
            ("192.0.2.0/24", "192.0.2.7", true),
            ("192.0.2.0/24", "192.0.3.7", false),
            ("192.0.2.0/24", "::ffff:192.0.2.7", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("2001:db8::/32", "2001:db8::1", true),
            ("2001:db8::/32", "-", false),
            ("0.0.0.0/0", "x192.0.2.7", false),
        ] {
            let network = Network::parse(network).unwrap();
            for field in [Field::QUERY_NAME, Field::Computer] {
                assert_eq!(network.holds_one_of(field, value), expected, "{network:?} {value}");
            }
            let results = format!("type:  5 a.example;{value};");
            assert_eq!(network.holds_one_of(Field::QUERY_RESULTS, &results), expected, "{network:?} {value}");
        }
        assert!(Network::parse("192.0.2.0/33").unwrap_err().contains("found '192.0.2.0/33'"));
    }

    #[test]
    fn what_is_left_of_an_address_lies_in_no_network() {
        let network = Network::parse("198.51.100.0/29").unwrap();
        for (value, expected) in [
            ("192.0.2.1;::ffff:198.51.100.2;", true),
            ("192.0.2.1;::ffff:198.51.100.2", false),
            ("198.51.100.2;192.0.2.1", true),
            ("198.51.100.2", false),
        ] {
            assert_eq!(network.holds_one_of(Field::QUERY_RESULTS, value), expected, "{value}");
        }
        let all = Network::parse("::/96").unwrap();
        assert!(!all.holds_one_of(Field::QUERY_RESULTS, "::ffff:192.0.2.1;::"));
    }
}
