//! `--svg`.

use std::fs;
use std::net::TcpListener;

use crate::bench::Bench;

/// Lines of a gateway whose connections end without a close frame in the first hour and in the last of four, and are refused in the second.
fn log() -> String {
    let line = |hour: u32, minute: u32, code: u32| {
        format!(
            "2026-11-21T0{hour}:{minute:02}:01.282+00:00 [ws] closed before connect conn=c53a78cf-04c9-445f-8d68-10292203671b \
             peer=127.0.0.1:57320->127.0.0.1:18789 remote=127.0.0.1 code={code} reason=n/a\n"
        )
    };
    let lines = [(0, 3, 1006), (0, 40, 1006), (1, 5, 1008), (3, 9, 1006)];
    lines.into_iter().map(|(hour, minute, code)| line(hour, minute, code)).collect()
}

#[test]
fn close_codes_are_drawn_by_hour_with_the_hours_in_which_nothing_ended() {
    let bench = Bench::new();
    let log = bench.file("gateway.log", &log());
    let run = bench.run(&["logs", log.to_str().unwrap(), "--svg", "-"]);
    assert_eq!(run.status, 0, "{run}");
    for words in ["How connections ended", "closed connections per hour", "1006 no close frame: 3", "1008 refused: 1"] {
        assert!(run.stdout.contains(words), "{words}: {run}");
    }
    // The background, the bars and the two squares of the list.
    assert_eq!(run.stdout.matches("<rect").count(), 1 + 3 + 2, "{run}");
}

#[test]
fn a_picture_is_written_beside_the_text_and_no_link_is_followed() {
    let bench = Bench::new();
    let (log, victim) = (bench.file("gateway.log", &log()), bench.file("victim", "mine"));
    let picture = bench.path("closes.svg");
    let run = bench.run(&["logs", log.to_str().unwrap(), "--svg", picture.to_str().unwrap()]);
    assert!(run.status == 0 && !run.stdout.contains("<svg"), "{run}");
    assert!(fs::read_to_string(&picture).unwrap().starts_with("<svg "));
    let link = bench.path("link.svg");
    std::os::unix::fs::symlink(&victim, &link).unwrap();
    let run = bench.run(&["logs", log.to_str().unwrap(), "--svg", link.to_str().unwrap()]);
    assert!(run.status == 2 && run.stderr.contains("cannot write"), "{run}");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
}

#[test]
fn connects_and_locks_are_drawn_where_nothing_came_of_them() {
    let bench = Bench::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = bench.run(&["connect", &format!("ws://{silent}"), "--count", "3", "--spread", "1", "--svg", "-"]);
    assert!(run.status == 69 && run.stdout.contains("(ECONNREFUSED)"), "{run}");
    let dir = bench.path(".openclaw");
    fs::create_dir(&dir).unwrap();
    let run = bench.run(&["locks", dir.to_str().unwrap(), "--for", "1", "--svg", "-"]);
    assert!(run.stdout.starts_with("<svg ") && run.stdout.contains("Waits for the locks of"), "{run}");
}
