//! The files of this checkout, and what is said of files that are none.

use std::collections::BTreeSet;
use std::fs;

use super::page::heading;
use super::{Fault, Kind, folder, read};

#[test]
fn each_file_of_the_book_is_a_fault() {
    let faults = read(&folder()).unwrap_or_else(|problems| panic!("{}", problems.join("\n")));
    assert!(faults.iter().any(|fault| fault.kind == Kind::Fault));
    let titles: BTreeSet<&str> = faults.iter().map(|fault| fault.title.as_str()).collect();
    assert_eq!(titles.len(), faults.len(), "two faults with one title");
    for fault in &faults {
        assert!(fault.sees.len() > 20, "{}: what a user sees is to be said in a sentence", fault.id);
    }
}

#[test]
fn the_page_tells_of_each_fault_as_its_file_is_now() {
    let page = fs::read_to_string(folder().join("../../docs/faultbook.md")).unwrap();
    let faults = read(&folder()).unwrap();
    let stale: Vec<&str> =
        faults.iter().filter(|fault| !page.contains(&heading(fault))).map(|fault| fault.id.as_str()).collect();
    assert!(stale.is_empty(), "`scripts/faultbook --page --keep` brings these into docs/faultbook.md: {stale:?}");
    assert_eq!(page.matches("\n### ").count(), faults.len(), "docs/faultbook.md tells of faults that are gone");
}

fn refused(text: &str) -> (usize, String) {
    Fault::parse(text, "x").map(|fault| panic!("{fault:?}")).unwrap_err()
}

const HEAD: &str = "id = 'x'\ntitle = 'x'\nfamily = 'auth'\nbase = 'native'\nsees = 'x'\n";

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_line() {
    let (line, why) = refused(&format!("{HEAD}[expect]\ncauses = ['token.spilt']\nstatus = 77\n"));
    assert_eq!(line, 7, "{why}");
    assert!(why.contains("token.spilt"), "{why}");

    let (line, why) = refused(&format!("{HEAD}colour = 'red'\n[expect]\ncauses = ['token.split']\nstatus = 77\n"));
    assert_eq!(line, 6, "{why}");
    assert!(why.contains("colour"), "{why}");

    let (line, why) = refused(&format!(
        "{HEAD}[[step]]\nset-config = {{ key = '/a', valeu = 1 }}\n[expect]\ncauses = ['token.split']\nstatus = 77\n"
    ));
    assert_eq!(line, 7, "{why}");
    assert!(why.contains("valeu"), "{why}");

    let (line, why) =
        refused(&format!("{HEAD}[expect]\ncauses = ['token.split']\nstatus = 77\n[peers]\nnames = ['ok', '(']\n"));
    assert_eq!(line, 10, "{why}");
}

#[test]
fn what_is_expected_goes_with_what_it_is() {
    let refused_with = |text: &str| refused(text).1;
    assert!(refused_with(&format!("{HEAD}[expect]\nstatus = 0\n")).contains("a fault has a cause"));
    let healthy = HEAD.replace("family = 'auth'", "family = 'healthy'\nkind = 'healthy'");
    assert!(refused_with(&format!("{healthy}[expect]\nstatus = 69\n")).contains("healthy"));
    let pair = HEAD.replace("family = 'auth'", "family = 'auth'\nkind = 'pair'");
    assert!(refused_with(&format!("{pair}[expect]\ncauses = ['token.split']\nstatus = 77\n")).contains("two causes"));
    let both = format!("{HEAD}[expect]\ncauses = ['token.split']\nmust-not = ['token.split']\nstatus = 77\n");
    assert!(refused_with(&both).contains("must not be reported"));
    let other = HEAD.replace("id = 'x'", "id = 'y'");
    let (line, why) = refused(&format!("{other}[expect]\ncauses = ['token.split']\nstatus = 77\n"));
    assert!(line == 1 && why.contains("`x.toml`"), "{why}");
}
