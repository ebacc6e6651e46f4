//! Descriptors in binary XML: four bytes that state the size and type of a template instance's
//! value. The last byte is zero.
//!
//! [MS-EVEN6] 2.2.12, "TemplateInstanceData".

use crate::scan::evtx::binxml::ValueType;

/// The size of a descriptor, in bytes.
pub(in crate::scan) const DESCRIPTOR_SIZE: usize = 4;
/// The bits for size and type in a descriptor read as a little-endian number.
pub(in crate::scan) const SIZE_BITS: u32 = 0xffff;
pub(in crate::scan) const TYPE_BITS: u32 = 0x00ff_0000;

/// The value size that a descriptor states.
#[inline]
pub(in crate::scan) fn size(descriptor: [u8; DESCRIPTOR_SIZE]) -> usize {
    usize::from(u16::from_le_bytes([descriptor[0], descriptor[1]]))
}

/// The value type that a descriptor states.
#[inline]
pub(in crate::scan) fn value_type(descriptor: [u8; DESCRIPTOR_SIZE]) -> ValueType {
    ValueType::of(descriptor[2])
}

/// The sum of the value sizes in a list of descriptors.
#[inline]
pub(in crate::scan) fn sizes(descriptors: &[u8]) -> usize {
    descriptors.as_chunks().0.iter().copied().map(size).sum()
}
