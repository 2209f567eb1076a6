//! `portreeve config`.

use crate::bench::Bench;

#[test]
fn each_value_with_its_origin() {
    let bench = Bench::new();
    let text = "ports = [19001, 19002]\n\n[policy]\nstart_budget_s = 600\n\n[[waiver]]\ncode = \"state.open\"\n\
                subject = \"/Users/op/.openclaw\"\nuntil = \"2030-01-01T00:00:00Z\"\nreason = \"single-user machine\"\n";
    let file = bench.file("own.toml", text);
    let mut command = bench.command(&["config", "show", "--config", file.to_str().unwrap()]);
    let output = command.env("PORTREEVE_TIMEOUT_S", "30").output().unwrap();
    // The column of values is as wide as the folder's name, which differs from run to run.
    let told = bench.tell(output).to_string();
    let told: Vec<String> = told
        .lines()
        .map(|line| line.split("  ").filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  "))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn origins_for_programs() {
    let bench = Bench::new();
    let list = bench.run(&["config", "show", "--json"]).stdout;
    let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    let data_dir = list.iter().find(|setting| setting["name"] == "data_dir").unwrap();
    insta::assert_json_snapshot!(data_dir, @r#"
    {
      "name": "data_dir",
      "origin": {
        "kind": "environment",
        "variable": "PORTREEVE_DATA_DIR"
      },
      "value": "[DIR]/data"
    }
    "#);
}

#[test]
fn the_example_is_a_configuration() {
    let bench = Bench::new();
    let example = bench.run(&["config", "example"]);
    assert_eq!((example.status, example.stderr.as_str()), (0, ""));
    let on: Vec<&str> = example.stdout.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).collect();
    let on = on.join("\n");
    for text in [example.stdout, on] {
        let file = bench.file("example.toml", &text);
        let run = bench.run(&["config", "show", "--config", file.to_str().unwrap()]);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{text}");
    }
}
