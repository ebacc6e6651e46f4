//! The two forms of a domain name with letters outside ASCII: the ASCII form in DNS, and the
//! Unicode form that people read. This module is the only user of the crate `idna`.

/// The maximum number of bytes of a name that is converted to its form in DNS; a longer name is not
/// converted. A name in DNS has at most 253 characters, of at most four bytes each. Converting a
/// much longer one takes too long.
const MOST_BYTES: usize = 4 * 253;

/// Returns a name in the form that it has in DNS: in lower case, with labels outside ASCII in
/// Punycode (`bücher.example` becomes `xn--bcher-kva.example`). `None` if the name has no such
/// form, or more than 1,012 bytes: four for each of the 253 characters that a name in DNS can have.
#[must_use]
pub fn ascii_name(name: &str) -> Option<String> {
    Some(name).filter(|name| name.len() <= MOST_BYTES).and_then(|name| idna::domain_to_ascii(name).ok())
}

/// Returns a name with its Punycode labels in Unicode (`xn--bcher-kva.example` becomes
/// `bücher.example`). `None` if no label is in Punycode, or if a label in Punycode is not valid.
#[must_use]
pub(super) fn unicode_name(name: &str) -> Option<String> {
    let (unicode, valid) = idna::domain_to_unicode(name);
    (valid.is_ok() && unicode != name).then_some(unicode)
}
