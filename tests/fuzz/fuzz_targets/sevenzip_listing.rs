#![no_main]
#![allow(missing_docs, unsafe_code, reason = "the macro makes what libFuzzer calls")]

libfuzzer_sys::fuzz_target!(init: dnsweep_fuzz::runner::prepare(), |data: &[u8]| {
    dnsweep_fuzz::runner::run("sevenzip_listing", data);
});
