//! Spreads keys evenly over all 64-bit numbers. Tables use the highest bits of a spread key as the
//! index of its entry.

/// The odd factor by which keys are multiplied: 2⁶⁴ divided by the golden ratio, rounded down.
/// Products with it differ in their highest bits even if the keys differ little.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Returns a number that is different for each key. The numbers of two keys differ most in their
/// highest bits. Their lowest bits differ only if the lowest bits of the keys do.
#[inline]
pub(crate) fn spread(key: u64) -> u64 {
    key.wrapping_mul(SPREAD)
}

/// Returns the highest `bits` bits of `number`, as an index in a table. `bits` must be from 1 to
/// 32.
#[inline]
pub(crate) fn highest(number: u64, bits: u32) -> usize {
    usize::try_from(number >> (u64::BITS - bits)).expect("memory has more bytes than 32 bits can count")
}
