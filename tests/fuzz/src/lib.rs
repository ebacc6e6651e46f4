//! Fuzz targets of dnsweep. What is checked stands in [`checks`], which the main workspace's tests
//! replay on the committed seeds and finds; what only a fuzzer needs stands in [`runner`].

pub mod checks;
pub mod runner;
