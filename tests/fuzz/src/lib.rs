//! Fuzz targets of dnsweep. Their checks are in [`checks`]; the main workspace's tests run them
//! again on the committed seeds and on inputs that fuzzing found. What only a fuzzer needs is in
//! [`runner`].

pub mod checks;
pub mod runner;
