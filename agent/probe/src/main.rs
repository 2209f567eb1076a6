//! What is seen from within a container's namespaces, as JSON.

fn main() {}
