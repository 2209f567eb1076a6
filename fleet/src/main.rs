//! The `portreeve-fleet` program.

fn main() {}
