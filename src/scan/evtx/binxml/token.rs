//! The token numbers of binary XML.
//!
//! [MS-EVEN6] 2.2.12. Several tokens have a second form with the bit 0x40. For an element, the bit
//! says that an attribute list follows the element's name. For other tokens, it says that another
//! token of the same kind follows, which no reader needs to know.

/// The token (a byte that says what follows in binary XML) for the end of a fragment, which is a
/// self-contained piece of binary XML.
pub(in crate::scan) const END_OF_FRAGMENT: u8 = 0x00;
/// The token (a byte that says what follows in binary XML) for the start of an element without
/// attributes. The element's dependency (the index of a value without which the element is left
/// out; in template definitions only), size and name follow.
pub(in crate::scan) const ELEMENT: u8 = 0x01;
/// The token (a byte that says what follows in binary XML) for the start of an element with
/// attributes. The element's dependency (the index of a value without which the element is left
/// out; in template definitions only), size and name, and the size of its attribute list, follow.
pub(in crate::scan) const ELEMENT_WITH_ATTRIBUTES: u8 = 0x41;
/// The token (a byte that says what follows in binary XML) for the end of the start tag of an
/// element with content. The content follows.
pub(in crate::scan) const END_OF_START_TAG: u8 = 0x02;
/// The token (a byte that says what follows in binary XML) for the end of an element without
/// content.
pub(in crate::scan) const END_OF_EMPTY_ELEMENT: u8 = 0x03;
/// The token (a byte that says what follows in binary XML) for the end of an element with content.
pub(in crate::scan) const END_OF_ELEMENT: u8 = 0x04;
/// The token (a byte that says what follows in binary XML) for a literal value. After the token
/// come the value's type, for a text the number of its characters, and the value's bytes.
pub(in crate::scan) const VALUE: u8 = 0x05;
/// The token [`VALUE`] (a literal value in binary XML) with the bit 0x40 set. The bit says that
/// another literal value follows, which no reader needs to know.
pub(in crate::scan) const VALUE_MORE: u8 = 0x45;
/// The token (a byte that says what follows in binary XML) for an attribute. The attribute's name
/// follows; its value is a token of its own.
pub(in crate::scan) const ATTRIBUTE: u8 = 0x06;
/// The token [`ATTRIBUTE`] (an attribute in binary XML) with the bit 0x40 set. The bit says that
/// another attribute follows, which no reader needs to know.
pub(in crate::scan) const ATTRIBUTE_MORE: u8 = 0x46;
/// The token (a byte that says what follows in binary XML) for a CDATA section. The section's
/// length and text follow.
pub(in crate::scan) const CDATA: u8 = 0x07;
/// The token [`CDATA`] (a CDATA section in binary XML) with the bit 0x40 set. The bit says that
/// another section follows, which no reader needs to know.
pub(in crate::scan) const CDATA_MORE: u8 = 0x47;
/// The token (a byte that says what follows in binary XML) for a reference to a character by its
/// number, such as `&#38;`.
pub(in crate::scan) const CHARACTER: u8 = 0x08;
/// The token [`CHARACTER`] (a reference to a character in binary XML) with the bit 0x40 set. The
/// bit says that another reference follows, which no reader needs to know.
pub(in crate::scan) const CHARACTER_MORE: u8 = 0x48;
/// The token (a byte that says what follows in binary XML) for a reference to an entity by its
/// name, such as `&amp;`.
pub(in crate::scan) const ENTITY: u8 = 0x09;
/// The token [`ENTITY`] (a reference to an entity in binary XML) with the bit 0x40 set. The bit
/// says that another reference follows, which no reader needs to know.
pub(in crate::scan) const ENTITY_MORE: u8 = 0x49;
/// The token (a byte that says what follows in binary XML) for the start of a processing
/// instruction. The name of its target follows.
pub(in crate::scan) const INSTRUCTION_TARGET: u8 = 0x0a;
/// The token (a byte that says what follows in binary XML) for the text of a processing
/// instruction.
pub(in crate::scan) const INSTRUCTION_DATA: u8 = 0x0b;
/// The token (a byte that says what follows in binary XML) for a template instance: a reference to
/// a template definition, and the values for its substitutions.
pub(in crate::scan) const TEMPLATE_INSTANCE: u8 = 0x0c;
/// The token (a byte that says what follows in binary XML) for a place in a template definition
/// that a value of the record fills. The value's index and type follow.
pub(in crate::scan) const SUBSTITUTION: u8 = 0x0d;
/// The token (a byte that says what follows in binary XML) for a place in a template definition
/// that a value of the record fills, if the value is not null. The value's index and type follow.
pub(in crate::scan) const OPTIONAL_SUBSTITUTION: u8 = 0x0e;
/// The token (a byte that says what follows in binary XML) for the start of a fragment, which is a
/// self-contained piece of binary XML. Its version and flags follow.
pub(in crate::scan) const FRAGMENT_HEADER: u8 = 0x0f;
