//! Descriptors: the size and the type of each value of a template instance, in four bytes, the last
//! of which is zero.
//!
//! [MS-EVEN6] 2.2.12, "TemplateInstanceData".

use crate::scan::evtx::binxml::ValueType;

/// Bytes of a descriptor.
pub(in crate::scan) const DESCRIPTOR_SIZE: usize = 4;
/// In a descriptor as a little-endian number, the bits of the size and of the type.
pub(in crate::scan) const SIZE_BITS: u32 = 0xffff;
pub(in crate::scan) const TYPE_BITS: u32 = 0x00ff_0000;

/// The size of a value with that descriptor.
#[inline]
pub(in crate::scan) fn size(descriptor: [u8; DESCRIPTOR_SIZE]) -> usize {
    usize::from(u16::from_le_bytes([descriptor[0], descriptor[1]]))
}

/// The type of a value with that descriptor.
#[inline]
pub(in crate::scan) fn value_type(descriptor: [u8; DESCRIPTOR_SIZE]) -> ValueType {
    ValueType::of(descriptor[2])
}

/// The sum of the sizes in descriptors.
#[inline]
pub(in crate::scan) fn sizes(descriptors: &[u8]) -> usize {
    descriptors.as_chunks().0.iter().copied().map(size).sum()
}
