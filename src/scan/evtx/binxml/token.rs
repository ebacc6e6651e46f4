//! The tokens of binary XML, by their numbers.
//!
//! [MS-EVEN6] 2.2.12. Several tokens have a second form with the bit 0x40 set. An element's says
//! that a list of attributes follows its name; any other's says that another token of its kind
//! follows, which no reader needs to know.

/// A fragment is over.
pub(in crate::scan) const END_OF_FRAGMENT: u8 = 0x00;
/// An element without attributes begins: its dependency (in definitions only), size and name.
pub(in crate::scan) const ELEMENT: u8 = 0x01;
/// An element with attributes begins, likewise; the size of the list of attributes follows its
/// name.
pub(in crate::scan) const ELEMENT_WITH_ATTRIBUTES: u8 = 0x41;
/// The start tag of an element is over, content follows.
pub(in crate::scan) const END_OF_START_TAG: u8 = 0x02;
/// The element is over, without content.
pub(in crate::scan) const END_OF_EMPTY_ELEMENT: u8 = 0x03;
/// The element is over, after its content.
pub(in crate::scan) const END_OF_ELEMENT: u8 = 0x04;
/// A value that is written among the tokens: its type, and the value. A text has its length before
/// it.
pub(in crate::scan) const VALUE: u8 = 0x05;
pub(in crate::scan) const VALUE_MORE: u8 = 0x45;
/// An attribute: its name. Its value follows as a token of its own.
pub(in crate::scan) const ATTRIBUTE: u8 = 0x06;
pub(in crate::scan) const ATTRIBUTE_MORE: u8 = 0x46;
/// A CDATA section: its length and text.
pub(in crate::scan) const CDATA: u8 = 0x07;
pub(in crate::scan) const CDATA_MORE: u8 = 0x47;
/// A reference to a character by its number.
pub(in crate::scan) const CHARACTER: u8 = 0x08;
pub(in crate::scan) const CHARACTER_MORE: u8 = 0x48;
/// A reference to an entity by its name.
pub(in crate::scan) const ENTITY: u8 = 0x09;
pub(in crate::scan) const ENTITY_MORE: u8 = 0x49;
/// A processing instruction: the name of its target.
pub(in crate::scan) const INSTRUCTION_TARGET: u8 = 0x0a;
/// The text of a processing instruction.
pub(in crate::scan) const INSTRUCTION_DATA: u8 = 0x0b;
/// An instance of a template: which definition, and the values.
pub(in crate::scan) const TEMPLATE_INSTANCE: u8 = 0x0c;
/// A value of the instance: its index and type.
pub(in crate::scan) const SUBSTITUTION: u8 = 0x0d;
/// A value of the instance, likewise, that may be null.
pub(in crate::scan) const OPTIONAL_SUBSTITUTION: u8 = 0x0e;
/// A fragment begins: its version and flags.
pub(in crate::scan) const FRAGMENT_HEADER: u8 = 0x0f;
