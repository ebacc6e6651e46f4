//! Tools that are independent of events: search for bytes, work on threads with results in order,
//! hashes, sorting, small maps, the case of letters, the text of paths, and the operating system.

pub(crate) mod bit_filter;
pub mod byte_search;
pub(crate) mod constant_text;
pub(crate) mod deflate;
pub mod digest;
pub(crate) mod external_sort;
pub(crate) mod fast_map;
pub mod in_order;
pub(crate) mod letter_case;
pub mod ordered_hash;
pub mod path_text;
pub(crate) mod plain_name;
pub mod platform;
pub(crate) mod rarity;
pub(crate) mod sentence;
pub mod small_map;
pub(crate) mod spread;
pub(crate) mod switch;
pub mod text_set;
pub(crate) mod zstandard;
