//! The form in which DNS has a domain name. This module is the only user of the crate `idna`.

/// The most bytes of a name that is converted. A name in DNS has at most 253 characters, of at most
/// four bytes each. Converting a much longer one takes too long.
const MOST_BYTES: usize = 4 * 253;

/// Returns a name in the form that DNS has: in lower case, with labels outside ASCII in Punycode
/// (`bücher.example` becomes `xn--bcher-kva.example`). `None` if the name has no such form,
/// or is too long for DNS.
#[must_use]
pub fn ascii_name(name: &str) -> Option<String> {
    Some(name).filter(|name| name.len() <= MOST_BYTES).and_then(|name| idna::domain_to_ascii(name).ok())
}
