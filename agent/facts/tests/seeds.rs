//! What `fuzz/` keeps, through the functions that it is for: it guards these in every test run.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

#[path = "../../../fuzz/checks/inside.rs"]
mod inside;
#[path = "../../../fuzz/checks/seeds.rs"]
mod seeds;

#[test]
fn inside() {
    seeds::each("inside", inside::check);
}
