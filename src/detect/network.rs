//! Networks of IP addresses, as rules write them. The only user of `ipnet`.

use std::net::IpAddr;

use ipnet::IpNet;

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

    /// Whether one of the addresses in a value lies in the network. A value is an address, or several as in QueryResults, each ended
    /// by `;`. An IPv4 address written as an IPv6 one counts as what it is.
    #[must_use]
    pub fn holds_one_of(&self, value: &str) -> bool {
        let addresses = value.split(';').filter_map(|item| item.trim().parse::<IpAddr>().ok());
        addresses.map(|address| address.to_canonical()).any(|address| self.0.contains(&address))
    }

    /// How it is written.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.to_string()
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
            ("192.0.2.0/24", "type:  5 a.example;::ffff:192.0.2.7;", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("2001:db8::/32", "198.51.100.1;2001:db8::1;", true),
            ("2001:db8::/32", "-", false),
            ("0.0.0.0/0", "x192.0.2.7", false),
        ] {
            assert_eq!(Network::parse(network).unwrap().holds_one_of(value), expected, "{network} {value}");
        }
        assert!(Network::parse("192.0.2.0/33").unwrap_err().contains("found '192.0.2.0/33'"));
    }
}
