#![no_main]

#[path = "../checks/rule.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::rule(data);
});
