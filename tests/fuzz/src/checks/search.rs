//! Parsing searches: any text is either refused with a position, or becomes a search that can be
//! evaluated.

use dnsweep::internals::detect::Search;

use super::event::evaluate;

/// Parses an input as a search in Splunk's language, and evaluates it.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Search::parse(&text) {
        Ok(search) => evaluate(&search),
        Err(error) => {
            assert!(error.offset <= text.len() && text.is_char_boundary(error.offset), "{error:?}");
            assert!(error.to_string().len() < 4096, "{error}");
        }
    }
}
