//! The laws of the authority parser, over any bytes: as text, and as what a client
//! sends in `Host`, `Forwarded` and `X-Forwarded-Host`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/it/authority/laws.rs"]
mod laws;
#[path = "../../tests/it/authority/request_laws.rs"]
mod request_laws;

fuzz_target!(|bytes: &[u8]| {
    laws::check(&String::from_utf8_lossy(bytes));
    request_laws::check(bytes);
});
