#![no_main]

#[expect(dead_code, reason = "each target uses one of the checks")]
#[path = "../checks/config.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::dynamic_config(data);
});
