//! Parsing rule files: any text is either refused, or becomes a detection whose message can be
//! made.

use dnsweep::internals::detect::{Detection, Placeholders};

use super::event::evaluate;

/// Reads a rule file, and uses everything that it states.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Detection::from_yaml(&text, "input.yml", &Placeholders::default()) {
        Ok(detection) => {
            let _ = detection.risk_message(&dnsweep::internals::event::Event::dns_query());
            evaluate(&detection.search);
        }
        Err(error) => {
            let _ = error.to_string();
        }
    }
}
