//! Spreads keys over all numbers of 64 bits, for tables that find a key's place by some bits of it.

/// An odd number whose bits are those of the golden ratio. Products with it differ in their highest
/// bits, also for keys that differ little.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Returns a number that is another one for each key. Its highest bits differ most; the lowest ones
/// differ only if those of the keys do.
#[inline]
pub(crate) fn spread(key: u64) -> u64 {
    key.wrapping_mul(SPREAD)
}

/// Returns the highest `bits` bits of a number, of at most 32 bits, as a place in a table.
#[inline]
pub(crate) fn highest(number: u64, bits: u32) -> usize {
    usize::try_from(number >> (u64::BITS - bits)).expect("memory has more bytes than 32 bits can count")
}
