use portreeve_facts::request::{MAX_ITEMS, Request, parse_answer};
use portreeve_facts::{mountinfo, resolv_conf, socket_diag, socket_table};

/// What a probe in a container is asked, what it answers, and what it reads there.
pub(crate) fn check(data: &[u8]) {
    if let Ok(request) = Request::parse(data) {
        assert!(request.names.len() <= MAX_ITEMS && request.key_bytes().is_ok());
        let _ = request.to_json();
    }
    let _ = parse_answer(data);
    let _ = socket_table::parse(data, &|_| true);
    let _ = socket_diag::read(data, 1, &|_| true, &mut Vec::new());
    let text = String::from_utf8_lossy(data);
    let _ = (mountinfo::parse(&text), resolv_conf::parse(&text));
}
