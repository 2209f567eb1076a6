//! The package as `apple-flat-package`, `apple-xar` and `apple-bom` read it.

#[path = "../../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use apple_bom::ParsedBom;
use apple_flat_package::component_package::ComponentPackageReader;
use apple_flat_package::distribution::Distribution;
use apple_flat_package::{PkgFlavor, PkgReader};
use apple_xar::reader::XarReader;
use portreeve_pkg::contents::{self, Inputs, Scripts, package};
use portreeve_pkg::tree::Tree;
use support::{EPOCH, inputs};

const VERSION: &str = "1.2.3";

fn built() -> (Inputs, Vec<u8>) {
    let inputs = inputs(b"program");
    let bytes = package(&inputs, VERSION, EPOCH).unwrap();
    (inputs, bytes)
}

fn component(bytes: Vec<u8>) -> ComponentPackageReader {
    let mut reader = PkgReader::new(Cursor::new(bytes)).unwrap();
    assert_eq!(reader.flavor(), PkgFlavor::Product);
    let mut components = reader.component_packages().unwrap();
    assert_eq!(components.len(), 1);
    components.remove(0)
}

fn payload(inputs: &Inputs) -> Tree {
    contents::payload(inputs, VERSION, Scripts::default()).unwrap()
}

fn dotted(path: &str) -> String {
    if path.is_empty() { ".".to_owned() } else { format!("./{path}") }
}

#[test]
fn the_table_of_contents_has_the_sum_that_the_heap_begins_with() {
    let (_, bytes) = built();
    let mut reader = XarReader::new(Cursor::new(bytes)).unwrap();
    assert!(reader.verify_table_of_contents_checksum().unwrap());
    for (path, file) in reader.files().unwrap() {
        assert_eq!((file.uid, file.gid), (Some(0), Some(0)), "{path}");
    }
}

#[test]
fn payload_and_scripts_are_what_was_put_in() {
    let (inputs, bytes) = built();
    let component = component(bytes);
    let payload = payload(&inputs);
    let scripts = contents::scripts(&payload, VERSION, Scripts::default()).unwrap();
    for (mut archive, tree) in [
        (component.payload_reader().unwrap().unwrap(), &payload),
        (component.scripts_reader().unwrap().unwrap(), &scripts),
    ] {
        let mut entries = tree.entries();
        while let Some(header) = archive.read_next().unwrap() {
            let entry = entries.next().unwrap();
            assert_eq!(header.name(), dotted(entry.path));
            assert_eq!(header.mode(), u32::from(entry.full_mode()), "{}", entry.path);
            assert_eq!((header.uid(), header.gid(), header.mtime()), (0, 0, EPOCH), "{}", entry.path);
            let mut content = Vec::new();
            archive.read_to_end(&mut content).unwrap();
            assert_eq!(content, entry.content.unwrap_or_default(), "{}", entry.path);
            archive.finish().unwrap();
        }
        assert!(entries.next().is_none());
    }
}

#[test]
fn the_bill_of_materials_equals_the_payload() {
    let (inputs, bytes) = built();
    let component = component(bytes);
    let payload = payload(&inputs);
    let bom = ParsedBom::parse(component.bom().unwrap()).unwrap();
    let listed: BTreeMap<String, _> =
        bom.paths().unwrap().into_iter().map(|path| (path.path().to_owned(), path)).collect();
    assert_eq!(bom.bom_info().unwrap().number_of_paths as usize, payload.entries().count() + 1);
    assert_eq!(listed.len(), payload.entries().count());
    for entry in payload.entries() {
        let path = &listed[&dotted(entry.path)];
        assert_eq!(path.file_mode(), entry.full_mode(), "{}", entry.path);
        assert_eq!((path.user_id(), path.group_id()), (0, 0));
        assert_eq!(path.modified_time().timestamp(), i64::from(EPOCH));
        assert_eq!(path.size(), entry.size());
        assert_eq!(path.crc32(), entry.content.map(portreeve_pkg::bom::cksum), "{}", entry.path);
    }
    assert!(bom.hl_index().unwrap().is_empty());
    assert!(bom.size64().unwrap().is_empty());
    assert!(bom.vindex().unwrap().is_empty());
}

/// That of the real programs, which `scripts/test` names.
#[test]
fn what_was_built_lists_what_it_installs() {
    let Some(path) = std::env::var_os("PORTREEVE_PACKAGE") else {
        eprintln!("skipped: PORTREEVE_PACKAGE names no package");
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    assert!(XarReader::new(Cursor::new(bytes.clone())).unwrap().verify_table_of_contents_checksum().unwrap());
    let component = component(bytes);
    let bom = ParsedBom::parse(component.bom().unwrap()).unwrap();
    let mut listed: BTreeMap<String, _> =
        bom.paths().unwrap().into_iter().map(|path| (path.path().to_owned(), path)).collect();
    let mut archive = component.payload_reader().unwrap().unwrap();
    while let Some(header) = archive.read_next().unwrap() {
        let path = listed.remove(header.name()).unwrap();
        assert_eq!((header.mode(), header.uid(), header.gid()), (u32::from(path.file_mode()), 0, 0), "{}", path.path());
        assert_eq!((path.user_id(), path.group_id()), (0, 0), "{}", path.path());
        let mut content = Vec::new();
        archive.read_to_end(&mut content).unwrap();
        assert_eq!(path.size(), content.len(), "{}", path.path());
        if path.file_mode() & 0o040_000 == 0 {
            assert_eq!(path.crc32(), Some(portreeve_pkg::bom::cksum(&content)), "{}", path.path());
        }
        archive.finish().unwrap();
    }
    assert!(listed.is_empty(), "{:?}", listed.keys());
}

#[test]
fn a_long_bill_of_materials_is_one_chain() {
    let mut tree = Tree::default();
    for index in 0..2000 {
        tree.file(&format!("folder{}/file{index}", index % 7), 0o644, vec![]).unwrap();
    }
    let bytes = portreeve_pkg::bom::list(&tree, EPOCH).unwrap();
    let bom = ParsedBom::parse(&bytes).unwrap();
    let mut listed: Vec<String> = bom.paths().unwrap().iter().map(|path| path.path().to_owned()).collect();
    listed.sort();
    let mut expected: Vec<String> = tree.entries().map(|entry| dotted(entry.path)).collect();
    expected.sort();
    assert_eq!(listed, expected);
}

#[test]
fn the_summaries_are_those_of_this_package() {
    let (inputs, bytes) = built();
    let mut reader = XarReader::new(Cursor::new(bytes.clone())).unwrap();
    let distribution = String::from_utf8(reader.get_file_data_from_path("Distribution").unwrap().unwrap()).unwrap();
    // Apple's `script` is a call; this reader takes it for a yes or no.
    let distribution = distribution
        .replace(" script=\"installation_check()\"", "")
        .replace(" script=\"volume_check()\"", " script=\"true\"");
    let distribution = Distribution::from_xml(&distribution).unwrap();
    assert_eq!(distribution.options.unwrap().host_architecutres.as_deref(), Some("arm64"));
    assert_eq!(distribution.title.unwrap().title, format!("Portreeve {VERSION}"));
    let reference = distribution.pkg_ref.iter().find(|reference| reference.version.is_some()).unwrap();
    assert_eq!((reference.id.as_str(), reference.version.as_deref()), ("dev.portreeve.agent", Some(VERSION)));

    let component = component(bytes);
    let info = component.package_info().unwrap();
    assert_eq!((info.identifier.as_str(), info.version.as_str()), ("dev.portreeve.agent", VERSION));
    assert_eq!((info.auth.as_str(), info.install_location.as_deref()), ("root", Some("/")));
    assert_eq!(info.scripts.scripts.len(), 2);
    assert_eq!(info.payload.as_ref().unwrap().number_of_files as usize, payload(&inputs).entries().count());
}
