#![no_main]

#[path = "../checks/compile.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::compile(data);
});
