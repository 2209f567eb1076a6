//! `portreeve evidence`: page and archive, from saved facts.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::bench::{Bench, facts_value};
use crate::hostile::poison;

/// Every element that the page or a picture of ours is made of.
const ELEMENTS: [&str; 45] = [
    "!doctype", "a", "article", "body", "br", "caption", "circle", "code", "desc", "div", "footer", "g", "h1", "h2",
    "h3", "h4", "head", "header", "html", "li", "line", "main", "meta", "nav", "ol", "p", "path", "polygon",
    "polyline", "pre", "rect", "section", "span", "strong", "style", "svg", "table", "tbody", "td", "text", "th",
    "thead", "title", "tr", "ul",
];

/// Facts in a file, and a folder for the bundle.
fn saved(bench: &Bench, facts: &Value) -> (String, PathBuf) {
    let file = bench.file("facts.json", &facts.to_string());
    let folder = bench.path("ticket");
    fs::create_dir(&folder).unwrap();
    (file.to_str().unwrap().to_owned(), folder)
}

fn made(folder: &Path, end: &str) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.to_str().unwrap().ends_with(end)).unwrap_or_else(|| panic!("no {end}"))
}

fn unpacked(archive: &Path) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    assert!(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(folder.path()).status().unwrap().success());
    let inner = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    (folder, inner)
}

/// The names of the elements of a page.
fn elements(page: &str) -> Vec<String> {
    let name = |part: &str| part.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '!')).collect();
    page.split('<').skip(1).map(name).collect()
}

#[test]
fn a_page_and_an_archive_are_made_and_say_the_cause() {
    let bench = Bench::new();
    let (facts, folder) = saved(&bench, &facts_value("split"));
    let run = bench.run(&["evidence", "--from", &facts, "--output", folder.to_str().unwrap()]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{run}");
    assert!(run.stdout.starts_with("BLOCKED") && run.stdout.contains(".tar.gz"), "{run}");
    let (page, archive) = (made(&folder, ".html"), made(&folder, ".tar.gz"));
    for path in [&page, &archive] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let text = fs::read_to_string(&page).unwrap();
    for words in ["token.split", "default-src 'none'", "Which digest was live", "What to do", "<svg "] {
        assert!(text.contains(words), "no `{words}`");
    }
    for attribute in ["src=", "url(", "@import", "http-equiv=\"refresh", "<script", "javascript:"] {
        assert!(!text.contains(attribute), "`{attribute}`");
    }
    let (_kept, inner) = unpacked(&archive);
    assert_eq!(fs::read_to_string(inner.join("index.html")).unwrap(), text);
    let names = [
        "README.txt",
        "evidence.json",
        "images.json",
        "report.json",
        "snapshot.json",
        "timeline.jsonl",
        "topology.json",
        "topology.svg",
    ];
    for name in names {
        assert!(inner.join(name).is_file(), "{name}");
    }
    // The facts can be judged again, and give the same verdict.
    let again = bench.run(&["check", "--json", "--from", inner.join("snapshot.json").to_str().unwrap()]);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(again["root_causes"], json!(["token.split"]));
}

#[test]
fn the_same_facts_give_the_same_bytes() {
    let bench = Bench::new();
    let (facts, folder) = saved(&bench, &facts_value("containers"));
    let mut made_bytes = Vec::new();
    for _ in 0..2 {
        let run = bench.run(&["evidence", "--force", "--from", &facts, "-o", folder.to_str().unwrap()]);
        assert_eq!(run.status, 0, "{run}");
        made_bytes.push((fs::read(made(&folder, ".html")).unwrap(), fs::read(made(&folder, ".tar.gz")).unwrap()));
    }
    assert!(made_bytes[0] == made_bytes[1]);
}

#[test]
fn the_json_follows_its_schema() {
    let bench = Bench::new();
    let schema: Value = serde_json::from_str(&bench.run(&["schema", "--evidence"]).stdout).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("evidence.json", schema).unwrap();
    let index = compiler.compile("evidence.json", &mut schemas).unwrap();
    for name in ["split", "silent", "ready", "containers", "nothing"] {
        let (facts, folder) = (bench.file("facts.json", &facts_value(name).to_string()), bench.path(name));
        fs::create_dir(&folder).unwrap();
        let run = bench.run(&["evidence", "--json", "--from", facts.to_str().unwrap(), "-o", folder.to_str().unwrap()]);
        let told: Value = serde_json::from_str(&run.stdout).unwrap();
        schemas.validate(&told, index).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            (told["questions"].as_array().unwrap().len(), told["files"].as_array().unwrap().len()),
            (5, 2),
            "{run}"
        );
        for answer in told["questions"].as_array().unwrap() {
            let told = answer["says"].as_array().unwrap().len() + answer["missing"].as_array().unwrap().len();
            assert!(told > 0, "{answer}");
        }
    }
}

#[test]
fn no_name_becomes_an_element_of_the_page() {
    let harm = "`</title></style></text></svg>\"'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;script&gt;\u{202e}\u{0}` / op";
    for name in ["split", "silent", "degraded", "containers"] {
        let bench = Bench::new();
        let mut node = facts_value(name);
        poison(&mut node, harm);
        node["blind"] = json!([{ "what": harm, "why": harm, "remedy": harm, "readiness": true }]);
        let (facts, folder) = saved(&bench, &node);
        let run = bench.run(&["evidence", "--from", &facts, "-o", folder.to_str().unwrap()]);
        assert_eq!(run.status, 0, "{run}");
        let (_kept, inner) = unpacked(&made(&folder, ".tar.gz"));
        let page = fs::read_to_string(inner.join("index.html")).unwrap();
        for element in elements(&page) {
            let element = element.trim_start_matches('/');
            assert!(ELEMENTS.contains(&element), "<{element}> in {name}");
        }
        assert!(page.contains("&lt;script&gt;alert(1)"), "{name}");
        assert_eq!(page.matches("</style>").count(), 1);
        assert!(!page.contains(['\u{202e}', '\u{0}']));
    }
}

#[test]
fn secrets_and_people_are_in_no_part() {
    let bench = Bench::new();
    let canaries = [
        "5f3c0f1b9a7e4d2286d1c4ab70e9f3551c8e2b6d",
        "sk-ant-api03-Canary0Canary1Canary2",
        "ghp_Canary0Canary1Canary2Canary3Canary4",
        "hunter2-canary",
        "203.0.113.77",
        "canaryhost.example.com",
        "jane.canary@corp.example.com",
        "3c:22:fb:0a:0b:0c",
    ];
    let words = format!(
        "`/Users/janecanary/.openclaw` of janecanary: Authorization: Bearer {} key {} {} --password {} from {} at wss://x:{}@{}/?token={} by {} {} \
         in /Users/janecanary/Library/CloudStorage/GoogleDrive-{}/x -----BEGIN PRIVATE KEY-----MC4Canary",
        canaries[0],
        canaries[1],
        canaries[2],
        canaries[3],
        canaries[4],
        canaries[3],
        canaries[5],
        canaries[0],
        canaries[6],
        canaries[7],
        canaries[6]
    );
    for name in ["split", "silent", "containers"] {
        let bench_folder = bench.path(name);
        fs::create_dir(&bench_folder).unwrap();
        let mut node = facts_value(name);
        poison(&mut node, &words);
        node["blind"] = json!([{ "what": words, "why": words, "remedy": words, "readiness": true }]);
        let facts = bench.file("facts.json", &node.to_string());
        let run =
            bench.run(&["evidence", "--json", "--from", facts.to_str().unwrap(), "-o", bench_folder.to_str().unwrap()]);
        assert_eq!(run.status, 0, "{run}");
        let (_kept, inner) = unpacked(&made(&bench_folder, ".tar.gz"));
        let parts = fs::read_dir(&inner).unwrap().map(|entry| entry.unwrap().path());
        let mut texts: Vec<(String, String)> =
            parts.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect();
        texts.push(("--json".to_owned(), run.stdout.clone()));
        for (part, text) in &texts {
            for canary in canaries.iter().chain(&["/Users/janecanary", "MC4Canary"]) {
                assert!(!text.contains(canary), "{canary} in {part} of {name}");
            }
        }
        assert!(texts.iter().any(|(_, text)| text.contains("/Users/user-")), "nothing was looked at");
    }
}

#[test]
fn nothing_is_replaced_or_followed_unless_it_is_asked_for() {
    let bench = Bench::new();
    let (facts, folder) = saved(&bench, &facts_value("split"));
    let page = folder.join("page.html");
    let make =
        |more: &[&str]| bench.run(&[&["evidence", "--from", &facts, "-o", page.to_str().unwrap()], more].concat());
    assert_eq!(make(&[]).status, 0);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "one file was asked for");
    let run = make(&[]);
    assert!(run.status == 2 && run.stderr.contains("--force"), "{run}");
    assert_eq!(make(&["--force"]).status, 0);
    fs::remove_file(&page).unwrap();
    let victim = bench.file("victim", "mine");
    symlink(&victim, &page).unwrap();
    assert_eq!((make(&[]).status, make(&["--force"]).status), (2, 2));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    let run = bench.run(&["evidence", "--from", &facts, "-o", folder.to_str().unwrap()]);
    assert!(run.status == 2 && run.stderr.contains("others can write this folder"), "{run}");
}

#[test]
fn a_folder_that_is_not_there_is_made_for_its_owner_alone() {
    let bench = Bench::new();
    let (facts, folder) = saved(&bench, &facts_value("split"));
    let make = |path: &Path| bench.run(&["evidence", "--from", &facts, "-o", path.to_str().unwrap()]);
    let new = folder.join("new");
    let run = make(&new);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_dir(&new).unwrap().count(), 2);
    for unfit in [folder.join("no/where"), folder.join("page.htm")] {
        assert_eq!(make(&unfit).status, 2);
        assert!(!unfit.exists(), "{}", unfit.display());
    }
}
