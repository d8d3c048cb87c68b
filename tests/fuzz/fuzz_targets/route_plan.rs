//! Any table and any request, through auth and router: see `weir_router::fuzz::route_plan`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = weir_router::fuzz::route_plan(data);
});
