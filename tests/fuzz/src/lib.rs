//! Fuzz targets of dnsweep. The checks are in [`checks`]; the main workspace's tests replay them on
//! the committed seeds and finds. What only a fuzzer needs is in [`runner`].

pub mod checks;
pub mod runner;
