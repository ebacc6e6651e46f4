//! Networks of IP addresses, in the form in which rules write them. This module is the only user of
//! the crate `ipnet`.

use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::base::bit_filter::BitFilter;
use crate::base::fast_map::FastMap;
use crate::detect::predicate::field::Field;
use crate::event::whole_items;

/// The prefix length of the network of all IPv4 addresses in IPv6 form, `::ffff:0:0/96`.
const MAPPED_LENGTH: u8 = 96;

/// A network of IP addresses, such as `192.0.2.0/24`, that a rule compares a field with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Reads a network from its text in a rule. A single address is a network of one address. The
    /// error says what was expected and what was found.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::read(text).ok_or_else(|| {
            format!("expected a network such as 192.0.2.0/24, found '{}'", text.escape_debug())
        })
    }

    /// Reads a network from its text in a list. A single address is a network of one address.
    /// `None` if the text is neither a network nor an address.
    pub(in crate::detect) fn read(text: &str) -> Option<Self> {
        // An address in version 4 ends in a digit, and one in version 6 has a colon.
        if !text.contains(':') && !text.ends_with(|letter: char| letter.is_ascii_digit()) {
            return None;
        }
        let network = if text.contains('/') { text.parse().ok() } else { address(text).map(IpNet::from) };
        network.map(Network)
    }

    /// Returns true if an address in the value of `field` lies in the network. QueryResults (the
    /// resolver's answers) is a list of items that end with `;`. A last item without `;` was cut
    /// off, and does not count. The value of any other field is read as one address.
    #[must_use]
    pub fn contains_any_in(&self, field: Field, value: &str) -> bool {
        match field {
            Field::QUERY_RESULTS => whole_items(value).any(|item| self.contains(item)),
            _ => self.contains(value.trim_ascii()),
        }
    }

    /// Returns the network in IPv4 form if it is one of IPv4 addresses in IPv6 form:
    /// `::ffff:192.0.2.0/120` becomes `192.0.2.0/24`. Any other network is unchanged.
    #[must_use]
    pub(in crate::detect) fn canonical(self) -> Self {
        let length = self.0.prefix_len();
        match (self.0.addr().to_canonical(), self.0.addr()) {
            (address @ IpAddr::V4(_), IpAddr::V6(_)) if length >= MAPPED_LENGTH => {
                IpNet::new(address, length - MAPPED_LENGTH).map_or(self, Network)
            }
            _ => self,
        }
    }

    /// Returns true if the network contains every IPv4 address, or every IPv6 address.
    #[must_use]
    pub(in crate::detect) fn is_whole(self) -> bool {
        self.0.prefix_len() == 0
    }

    /// Returns true if the network has a single address.
    #[must_use]
    pub(in crate::detect) fn is_address(self) -> bool {
        self.0.prefix_len() == self.0.max_prefix_len()
    }

    /// Returns true if `text` is an address in the network, or a list of items (separated by `;`,
    /// like the value of QueryResults) that contains such an address.
    pub(in crate::detect) fn contains_any(&self, text: &str) -> bool {
        addresses(text).any(|address| self.contains(address))
    }

    /// Returns true if the text `address` is an address in the network. An IPv4 address in IPv6
    /// form (`::ffff:192.0.2.1`) counts as the IPv4 address. A text that is not an address is in no
    /// network.
    fn contains(&self, address: &str) -> bool {
        address.parse::<IpAddr>().is_ok_and(|address| self.0.contains(&address.to_canonical()))
    }

    /// The network as text, such as `192.0.2.0/24`.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}

/// The parts of `text` that may be addresses: the items of a list (separated by `;`, like the value
/// of QueryResults), or else the whole text.
fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let several = text.contains(';');
    let one = (!several).then(|| text.trim_ascii());
    whole_items(if several { text } else { "" }).chain(one)
}

/// Finds which of many networks contain an address, without comparing the address with each
/// network. The caller gives each network a number, such as the number of a row in a lookup (a
/// site's table).
#[derive(Debug, Default)]
pub(in crate::detect) struct NetworkIndex {
    numbers: FastMap<IpNet, Vec<usize>>,
    /// The prefix lengths of all networks in the index, such as 24 for `192.0.2.0/24`; IPv4 and
    /// IPv6 together. One search for each length finds all networks that contain an address.
    lengths: BTreeSet<u8>,
}

impl NetworkIndex {
    /// Adds a network to the index. `number` is what [`NetworkIndex::find`] passes to its caller
    /// when the network contains an address.
    pub(in crate::detect) fn add(&mut self, network: Network, number: usize) {
        self.lengths.insert(network.0.prefix_len());
        self.numbers.entry(network.0.trunc()).or_default().push(number);
    }

    /// Calls `found` with the number of each network that contains an address in `value`, as
    /// [`Network::contains_any`] decides.
    pub(in crate::detect) fn find(&self, value: &str, mut found: impl FnMut(usize)) {
        for address in addresses(value).filter_map(|item| item.parse::<IpAddr>().ok()) {
            for number in
                around(&self.lengths, address).filter_map(|network| self.numbers.get(&network)).flatten()
            {
                found(*number);
            }
        }
    }
}

/// A set of networks that finds those that contain an address. Each network has a number that the
/// caller chooses, such as the index of an entry. The set takes less memory than a
/// [`NetworkIndex`].
#[derive(Debug, Default, Clone)]
pub(in crate::detect) struct NetworkSet {
    numbers: FastMap<IpNet, u32>,
    /// The prefix lengths of all networks in the set, such as 24 for `192.0.2.0/24`; IPv4 and IPv6
    /// together. One search for each length finds the networks that contain an address.
    lengths: BTreeSet<u8>,
    /// Rules out most addresses that are in no network of the set, before the networks are
    /// searched. `None` before `seal` makes the filter, and again after a network is added.
    filter: Option<AddressFilter>,
}

impl NetworkSet {
    /// Adds a network with its number. If the set has the network already, nothing changes, and the
    /// number that it was first added with is returned; `None` if the network is new.
    pub(in crate::detect) fn add(&mut self, network: Network, number: u32) -> Option<u32> {
        match self.numbers.entry(network.0.trunc()) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(free) => {
                free.insert(number);
                self.filter = None;
                self.lengths.insert(network.0.prefix_len());
                None
            }
        }
    }

    /// Prepares the set for fast searches. To be called after all networks were added; without it,
    /// searches are slower.
    pub(in crate::detect) fn seal(&mut self) {
        self.filter = Some(AddressFilter::of(&self.numbers));
    }

    /// Returns true if a network contains an address in `text`, as [`Network::contains_any`]
    /// decides.
    pub(in crate::detect) fn has_any_of(&self, text: &str) -> bool {
        !self.numbers.is_empty() && self.of(addresses(text)).next().is_some()
    }

    /// Returns the numbers of the networks that contain an item of `results`, the value of
    /// QueryResults, as [`Network::contains_any_in`] decides. A number can come more than once.
    pub(in crate::detect) fn in_results(&self, results: &str) -> impl Iterator<Item = u32> {
        self.of(whole_items(results))
    }

    /// Returns the numbers of the networks that contain an address among `texts`. Texts that are
    /// not addresses are ignored. A number can come more than once.
    fn of<'t>(&self, texts: impl Iterator<Item = &'t str>) -> impl Iterator<Item = u32> {
        let addresses = texts.filter_map(address);
        let is_known = |address: &IpAddr| {
            self.filter.as_ref().is_none_or(|filter| filter.may_contain(address.to_canonical()))
        };
        let networks = addresses.filter(is_known).flat_map(|address| around(&self.lengths, address));
        networks.filter_map(|network| self.numbers.get(&network).copied())
    }
}

/// Returns, for each prefix length of `lengths` that the address can have, the network of that
/// length that contains the address. An IPv4 address in IPv6 form counts as the IPv4 address.
fn around(lengths: &BTreeSet<u8>, address: IpAddr) -> impl Iterator<Item = IpNet> {
    let address = address.to_canonical();
    lengths.iter().filter_map(move |length| IpNet::new(address, *length).ok()).map(|network| network.trunc())
}

/// Parses a text as an IP address, as the standard library does; `None` if it is not an address.
/// IPv4 addresses in IPv6 form (`::ffff:192.0.2.1`), which most answers have, are parsed faster,
/// and become IPv4 addresses.
fn address(text: &str) -> Option<IpAddr> {
    let after = text.strip_prefix("::ffff:").unwrap_or(text);
    if let Some(address) = octets(after.as_bytes()) {
        return Some(IpAddr::V4(address));
    }
    // No other text is an address.
    let may_be = |first: &u8| first.is_ascii_hexdigit() || *first == b':';
    text.as_bytes().first().filter(|first| may_be(first))?;
    text.parse().ok()
}

/// Parses a text as an IPv4 address: four decimal numbers up to 255, without leading zeros, with
/// dots between them. `None` if the text has another form.
fn octets(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut address, mut octet, mut digits, mut dots) = (0_u32, 0_u32, 0, 0);
    for byte in text {
        match byte {
            // A number may not begin with a zero.
            b'0'..=b'9' if digits == 0 || octet > 0 => {
                octet = octet * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && dots < 3 => {
                address = address << 8 | octet;
                (octet, digits, dots) = (0, 0, dots + 1);
            }
            _ => return None,
        }
        if octet > 255 {
            return None;
        }
    }
    (dots == 3 && digits > 0).then(|| Ipv4Addr::from_bits(address << 8 | octet))
}

/// Rules out most of the addresses that are in none of many networks, each with one access to
/// memory. An address that it does not rule out may still be in no network.
#[derive(Debug, Clone)]
struct AddressFilter {
    /// A bit for each value of the first [`FIRST_BITS`] bits of an IPv4 address: set if a network
    /// has an address that begins with these bits. Empty if there is no network of IPv4 addresses.
    v4: Vec<u64>,
    /// The first [`LEAST_LENGTH`] bits of all IPv6 networks, as a Bloom filter; `None` if a network
    /// has a shorter prefix, so that no IPv6 address can be ruled out.
    v6: Option<BitFilter>,
}

/// The number of bits at the beginning of an IPv4 address by which an [`AddressFilter`] rules it
/// out. The table with a bit for each of their values has 128 KiB.
const FIRST_BITS: u32 = 20;
/// The number of bits at the beginning of an IPv6 address by which an [`AddressFilter`] rules it
/// out.
const LEAST_LENGTH: u32 = 32;

impl AddressFilter {
    fn of(networks: &FastMap<IpNet, u32>) -> Self {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        let mut are_long = true;
        for network in networks.keys() {
            match network {
                IpNet::V4(network) => {
                    v4.resize(1 << (FIRST_BITS - 6), 0_u64);
                    let [first, last] = [network.network(), network.broadcast()].map(first_bits);
                    for bits in first..=last {
                        if let Some(word) = v4.get_mut(bits / 64) {
                            *word |= 1 << (bits % 64);
                        }
                    }
                }
                IpNet::V6(network) => {
                    are_long &= u32::from(network.prefix_len()) >= LEAST_LENGTH;
                    v6.push(start(network.network()));
                }
            }
        }
        let v6 = are_long.then(|| BitFilter::of(v6.len(), v6.into_iter()));
        AddressFilter { v4, v6 }
    }

    /// Returns false only if no network contains the address. An IPv4 address must not be given in
    /// IPv6 form.
    fn may_contain(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => {
                let bits = first_bits(address);
                self.v4.get(bits / 64).is_some_and(|word| word >> (bits % 64) & 1 == 1)
            }
            IpAddr::V6(address) => self.v6.as_ref().is_none_or(|filter| filter.may_have(start(address))),
        }
    }
}

/// Returns the first [`FIRST_BITS`] bits of an IPv4 address, as a number.
fn first_bits(address: Ipv4Addr) -> usize {
    (address.to_bits() >> (u32::BITS - FIRST_BITS)) as usize
}

/// Returns the first [`LEAST_LENGTH`] bits of an IPv6 address, as a number.
fn start(address: Ipv6Addr) -> u64 {
    (address.to_bits() >> (u128::BITS - LEAST_LENGTH)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        /// Compares addresses with what the standard library reads of them.
        #[test]
        fn addresses_are_read_as_the_standard_library_reads_them(
            text in "(::ffff:|::FFFF:|::)?([0-9]{1,3}\\.){2,4}[0-9]{0,4}|[0-9a-f:.]{0,9}|[0-2]?[0-9]{1,2}(\\.[0-2]?[0-9]{1,2}){3} ?|type: 5 a",
        ) {
            let expected = text.parse::<IpAddr>().ok().map(|address| address.to_canonical());
            prop_assert_eq!(address(&text).map(|address| address.to_canonical()), expected);
        }
    }

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
                assert_eq!(network.contains_any_in(field, value), expected, "{network:?} {value}");
            }
            let results = format!("type:  5 a.example;{value};");
            assert_eq!(
                network.contains_any_in(Field::QUERY_RESULTS, &results),
                expected,
                "{network:?} {value}"
            );
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
            assert_eq!(network.contains_any_in(Field::QUERY_RESULTS, value), expected, "{value}");
        }
        let all = Network::parse("::/96").unwrap();
        assert!(!all.contains_any_in(Field::QUERY_RESULTS, "::ffff:192.0.2.1;::"));
    }
}
