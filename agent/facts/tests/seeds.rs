//! Every seed of this crate's fuzz target, through the same functions in each ordinary test run.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

#[path = "../../../fuzz/seeds.rs"]
mod seeds;

use portreeve_facts::request::{Request, parse_answer};
use portreeve_facts::{mountinfo, resolv_conf, socket_diag, socket_table};

#[test]
fn inside() {
    seeds::each("inside", |bytes| {
        let _ = Request::parse(bytes).map(|request| request.to_json());
        let _ = parse_answer(bytes);
        let _ = socket_table::parse(bytes, &|_| true);
        let _ = socket_diag::read(bytes, 1, &|_| true, &mut Vec::new());
        let text = String::from_utf8_lossy(bytes);
        mountinfo::parse(&text);
        resolv_conf::parse(&text);
    });
}
