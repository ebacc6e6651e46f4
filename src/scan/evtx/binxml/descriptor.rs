//! Descriptors in binary XML. A descriptor is four bytes that state the size and the type of a
//! value in a template instance. Its last byte is zero.
//!
//! [MS-EVEN6] 2.2.12, "TemplateInstanceData".

use crate::scan::evtx::binxml::ValueType;

/// The size of a descriptor, in bytes. A descriptor states the size and the type of a record's
/// value.
pub(in crate::scan) const DESCRIPTOR_SIZE: usize = 4;
/// A mask of the bits that state a value's size, in the value's descriptor of four bytes, read as a
/// little-endian number.
pub(in crate::scan) const SIZE_BITS: u32 = 0xffff;
/// A mask of the bits that state a value's type, in the value's descriptor of four bytes, read as a
/// little-endian number.
pub(in crate::scan) const TYPE_BITS: u32 = 0x00ff_0000;

/// Returns the size of a value, in bytes, as the value's descriptor states it.
#[inline]
pub(in crate::scan) fn size(descriptor: [u8; DESCRIPTOR_SIZE]) -> usize {
    usize::from(u16::from_le_bytes([descriptor[0], descriptor[1]]))
}

/// Returns the type of a value, as the value's descriptor states it.
#[inline]
pub(in crate::scan) fn value_type(descriptor: [u8; DESCRIPTOR_SIZE]) -> ValueType {
    ValueType::of(descriptor[2])
}

/// Returns the sum of the value sizes, in bytes, that consecutive descriptors of values state.
#[inline]
pub(in crate::scan) fn sizes(descriptors: &[u8]) -> usize {
    descriptors.as_chunks().0.iter().copied().map(size).sum()
}
