//! Compares texts while dnsweep is compiled.

/// Returns true if two texts are equal, byte by byte. Unlike `==`, it can be used in constants.
pub(crate) const fn is_same_text(left: &str, right: &str) -> bool {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while let ([first, left_rest @ ..], [other, right_rest @ ..]) = (left, right) {
        if *first != *other {
            return false;
        }
        (left, right) = (left_rest, right_rest);
    }
    left.is_empty() && right.is_empty()
}
