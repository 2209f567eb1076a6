//! Whether a clock that is off is told.

use portreeve_tests::{Portreeve, time_server};

#[test]
fn a_clock_is_compared_with_the_server_that_is_named_and_with_no_other() {
    let home = tempfile::tempdir().unwrap();
    let portreeve = || Portreeve::new(home.path()).env("PORTREEVE_CONTAINERS", "off");
    let with = |ahead: u64| portreeve().env("PORTREEVE_TIME_SERVER", &time_server(ahead)).check();

    let late = with(5);
    late.assert_has("host.clock", "warning");
    late.assert_says("host.clock", &["behind", "give or take", "127.0.0.1:", "at stratum 2"]);
    with(100).assert_has("host.clock", "error");
    with(0).assert_lacks("host.clock");
    portreeve().check().assert_lacks("host.clock");
}
