//! The token numbers of binary XML.
//!
//! [MS-EVEN6] 2.2.12. Several tokens have a second form with the bit 0x40. For an element, the bit
//! says that an attribute list follows the element's name. For other tokens, it says that another
//! token of the same kind follows, which no reader needs to know.

/// The end of a fragment.
pub(in crate::scan) const END_OF_FRAGMENT: u8 = 0x00;
/// The start of an element without attributes. The element's dependency (in definitions only), size
/// and name follow.
pub(in crate::scan) const ELEMENT: u8 = 0x01;
/// The start of an element with attributes. The element's dependency (in definitions only), size
/// and name, and the size of its attribute list, follow.
pub(in crate::scan) const ELEMENT_WITH_ATTRIBUTES: u8 = 0x41;
/// The end of the start tag of an element with content. The content follows.
pub(in crate::scan) const END_OF_START_TAG: u8 = 0x02;
/// The end of an element without content.
pub(in crate::scan) const END_OF_EMPTY_ELEMENT: u8 = 0x03;
/// The end of an element with content.
pub(in crate::scan) const END_OF_ELEMENT: u8 = 0x04;
/// The token of binary XML for a value. After it come the value's type, for a text the number of its
/// characters, and the value's bytes.
pub(in crate::scan) const VALUE: u8 = 0x05;
/// The second form of [`VALUE`].
pub(in crate::scan) const VALUE_MORE: u8 = 0x45;
/// An attribute. Its name follows; its value is a token of its own.
pub(in crate::scan) const ATTRIBUTE: u8 = 0x06;
/// The second form of [`ATTRIBUTE`].
pub(in crate::scan) const ATTRIBUTE_MORE: u8 = 0x46;
/// A CDATA section. Its length and text follow.
pub(in crate::scan) const CDATA: u8 = 0x07;
/// The second form of [`CDATA`].
pub(in crate::scan) const CDATA_MORE: u8 = 0x47;
/// A reference to a character by its number.
pub(in crate::scan) const CHARACTER: u8 = 0x08;
/// The second form of [`CHARACTER`].
pub(in crate::scan) const CHARACTER_MORE: u8 = 0x48;
/// A reference to an entity by its name.
pub(in crate::scan) const ENTITY: u8 = 0x09;
/// The second form of [`ENTITY`].
pub(in crate::scan) const ENTITY_MORE: u8 = 0x49;
/// A processing instruction. The name of its target follows.
pub(in crate::scan) const INSTRUCTION_TARGET: u8 = 0x0a;
/// The text of a processing instruction.
pub(in crate::scan) const INSTRUCTION_DATA: u8 = 0x0b;
/// A template instance. Its definition and values follow.
pub(in crate::scan) const TEMPLATE_INSTANCE: u8 = 0x0c;
/// A substitution by a value of the template instance. The value's index and type follow.
pub(in crate::scan) const SUBSTITUTION: u8 = 0x0d;
/// A substitution by a value of the template instance that may be null. The value's index and type
/// follow.
pub(in crate::scan) const OPTIONAL_SUBSTITUTION: u8 = 0x0e;
/// The start of a fragment. Its version and flags follow.
pub(in crate::scan) const FRAGMENT_HEADER: u8 = 0x0f;
