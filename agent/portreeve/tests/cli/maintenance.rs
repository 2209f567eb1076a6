//! `portreeve maintenance`.

use serde_json::Value;

use crate::bench::Bench;

#[test]
fn it_is_announced_told_and_ended() {
    let bench = Bench::new();
    let on = bench.run(&["maintenance", "on", "--for", "2h", "--reason", "engine\nupgrade"]);
    assert_eq!((on.status, on.stderr.as_str()), (0, ""), "{on}");
    assert!(on.stdout.starts_with("maintenance until 20") && on.stdout.ends_with(": engine\\nupgrade\n"), "{on}");
    let status = |bench: &Bench| -> Value {
        serde_json::from_str(&bench.run(&["maintenance", "status", "--json"]).stdout).unwrap()
    };
    let told = status(&bench);
    assert_eq!(told["schema"], "portreeve.maintenance/1");
    assert_eq!(told["maintenance"]["reason"], "engine\nupgrade");
    let off = bench.run(&["maintenance", "off"]);
    assert_eq!((off.status, off.stderr.as_str()), (0, "portreeve: maintenance is over\n"), "{off}");
    assert_eq!(status(&bench)["maintenance"], Value::Null);
    assert_eq!(bench.run(&["maintenance", "status"]).stdout, "no maintenance\n");
}

#[test]
fn what_cannot_be_announced_is_a_wrong_command_line() {
    let bench = Bench::new();
    for wrong in [
        &["maintenance", "on"][..],
        &["maintenance", "on", "--reason", "x"],
        &["maintenance", "on", "--for", "0s"],
        &["maintenance", "on", "--for", "31d"],
        &["maintenance", "on", "--until", "2020-01-01T00:00"],
        &["maintenance", "on", "--for", "1h", "--until", "23:00"],
    ] {
        assert_eq!(bench.run(wrong).status, 2, "{wrong:?}");
    }
    assert_eq!(bench.run(&["maintenance", "status"]).stdout, "no maintenance\n");
}
