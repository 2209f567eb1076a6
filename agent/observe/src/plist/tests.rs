use std::fmt::Write as _;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn xml(body: &str) -> Result<Value, ParseError> {
    parse(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">{body}</plist>\n").as_bytes())
}

/// A binary property list from whole objects: offsets and references of one byte.
fn bplist(objects: &[&[u8]], root: u8) -> Vec<u8> {
    let mut bytes = b"bplist00".to_vec();
    let mut offsets = Vec::new();
    for object in objects {
        offsets.push(u8::try_from(bytes.len()).unwrap());
        bytes.extend_from_slice(object);
    }
    let table = u8::try_from(bytes.len()).unwrap();
    bytes.extend_from_slice(&offsets);
    bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 1, 1]);
    for number in [u8::try_from(objects.len()).unwrap(), root, table] {
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, number]);
    }
    bytes
}

#[test]
fn xml_of_every_type() {
    let value =
        xml("<dict><key>a &amp; b</key><array><true/><false></false><integer> 01\t</integer><integer>-0x10</integer>\
         <real>1.5</real><string><![CDATA[<x>]]>&#65;&lt;</string><data>AA EC\n</data><date>2024-02-29T12:00:00Z</date>\
         <dict/><array/><string/></array><!-- one -- two --></dict>")
        .unwrap();
    let list = value.as_dictionary().unwrap().get("a & b").unwrap().as_array().unwrap();
    assert_eq!(list[2].as_signed_integer(), Some(1));
    assert_eq!(list[3].as_signed_integer(), Some(-16));
    assert_eq!(list[5].as_string(), Some("<x>A<"));
    assert_eq!(list[6].as_data(), Some([0, 1, 2].as_slice()));
    assert_eq!(list[7].as_date().unwrap().to_xml_format(), "2024-02-29T12:00:00Z");
    assert_eq!(list[10].as_string(), Some(""));
}

#[test]
fn xml_in_other_encodings_and_with_noise_in_front() {
    let text = "<?xml version=\"1.0\"?><plist><string>é</string></plist>";
    let units: Vec<u16> = text.encode_utf16().collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let mut marked = vec![0xff, 0xfe];
    marked.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    let wide: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
    let mut utf8 = vec![0xef, 0xbb, 0xbf];
    utf8.extend_from_slice(text.as_bytes());
    let blank = format!("\n \t{text}").into_bytes();
    let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><plist><string>\xe9</string></plist>".to_vec();
    for bytes in [big, marked, wide, utf8, blank, latin] {
        assert_eq!(parse(&bytes).unwrap().as_string(), Some("é"), "{bytes:?}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let cases = [
        ("<dict><key>a</key></dict>", "line 2: a key has no value"),
        ("<dict>\n<string>a</string></dict>", "line 3: a value without a key"),
        ("<integer>${INTERVAL}</integer>", "line 2: `${INTERVAL}` is no integer"),
        ("<string>a&lol;</string>", "line 2: unknown entity `&lol;`"),
        ("<string><%= name %></string>", "line 2: `<%=>` inside of `<string>`"),
        ("<array><dict></array></dict>", "line 2: `</array>` in a wrong place"),
        ("<string>a</string><string>b</string>", "line 2: a second value at the top"),
        ("", "line 3: the property list holds no value"),
    ];
    for (body, message) in cases {
        assert_eq!(xml(body).unwrap_err().to_string(), message, "{body}");
    }
    assert_eq!(parse(b""), Err(ParseError::Empty));
    assert_eq!(parse(b"hello"), Err(ParseError::UnknownForm));
    assert_eq!(parse(b"\xff"), Err(ParseError::Encoding { encoding: "UTF-8" }));
}

#[test]
fn entities_of_a_document_type_are_not_expanded() {
    let mut bomb = String::from("<?xml version=\"1.0\"?><!DOCTYPE plist [<!ENTITY a \"aaaaaaaa\">");
    for (name, inner) in [('b', 'a'), ('c', 'b'), ('d', 'c'), ('e', 'd')] {
        let expansion = format!("&{inner};").repeat(1_000);
        write!(bomb, "<!ENTITY {name} \"{expansion}\">").unwrap();
    }
    bomb.push_str("]><plist><string>&e;</string></plist>");
    assert_eq!(parse(bomb.as_bytes()).unwrap_err().to_string(), "line 1: unknown entity `&e;`");
}

#[test]
fn nesting_is_bounded_in_every_form() {
    for depth in [MAX_DEPTH, MAX_DEPTH + 1, 10_000, 100_000] {
        let xml = format!("<plist>{}{}</plist>", "<array>".repeat(depth), "</array>".repeat(depth));
        let openstep = format!("{}{}", "(".repeat(depth), ")".repeat(depth));
        for text in [xml, openstep] {
            let parsed = parse(text.as_bytes());
            if depth <= MAX_DEPTH {
                assert!(parsed.is_ok(), "{depth}");
            } else {
                assert_eq!(parsed, Err(ParseError::TooDeep), "{depth}");
            }
        }
    }
}

#[test]
fn binary_of_every_type() {
    let bytes = bplist(
        &[
            b"\xd2\x01\x02\x03\x04",
            b"\x51a",
            b"\x61\x00\xe9",
            b"\xa8\x05\x06\x07\x08\x09\x0a\x0b\x0c",
            b"\x08",
            b"\x09",
            b"\x10\xff",
            b"\x13\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x14\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x22\x3f\xc0\0\0",
            b"\x33\0\0\0\0\0\0\0\0",
            b"\x42\x01\x02",
            b"\x81\x01\x00",
        ],
        0,
    );
    let value = parse(&bytes).unwrap();
    let dictionary = value.as_dictionary().unwrap();
    assert_eq!(dictionary.get("é").unwrap().as_boolean(), Some(false));
    let list = dictionary.get("a").unwrap().as_array().unwrap();
    assert_eq!(list[1].as_unsigned_integer(), Some(255));
    assert_eq!(list[2].as_signed_integer(), Some(-1));
    assert_eq!(list[3].as_unsigned_integer(), Some(u64::MAX));
    assert_eq!(list[4].as_real(), Some(1.5));
    assert_eq!(list[5].as_date().unwrap().to_xml_format(), "2001-01-01T00:00:00Z");
    assert_eq!(list[7].as_uid().unwrap().get(), 256);
}

#[test]
fn binary_that_lies() {
    let circular = bplist(&[b"\xa1\x01", b"\xa1\x00"], 0);
    let alias = {
        // Two references to one offset.
        let mut bytes = bplist(&[b"\xa1\x01", b"\x09"], 0);
        bytes[12] = 8;
        bytes
    };
    let shared = {
        let levels: Vec<Vec<u8>> = (1..=60_u8).map(|next| vec![0xa4, next, next, next, next]).collect();
        let mut objects: Vec<&[u8]> = levels.iter().map(Vec::as_slice).collect();
        objects.truncate(40);
        objects.push(b"\x09");
        bplist(&objects, 0)
    };
    let huge = bplist(&[b"\xaf\x13\x7f\xff\xff\xff\xff\xff\xff\xff"], 0);
    let nan = bplist(&[b"\x33\x7f\xf8\0\0\0\0\0\0"], 0);
    let wide = bplist(&[b"\x14\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0"], 0);
    let key = bplist(&[b"\xd1\x01\x01", b"\x09"], 0);
    let cases = [
        (circular, "a container that holds itself"),
        (alias, "a container that holds itself"),
        (shared, "more than 100000 values"),
        (huge, "points outside of the file"),
        (nan, "a date that is none"),
        (wide, "an integer of more than 64 bits"),
        (key, "a key that is no string"),
    ];
    for (bytes, message) in cases {
        let error = parse(&bytes).unwrap_err().to_string();
        assert!(error.ends_with(message), "{error}, expected {message}");
    }
    let mut objects = bplist(&[b"\x09"], 0);
    let count = objects.len() - 24;
    objects[count..count + 8].fill(0xff);
    assert!(parse(&objects).unwrap_err().to_string().ends_with("more objects than the file can hold"));
}

#[test]
fn text_that_many_values_share_is_bounded() {
    let text = vec![b'x'; 200];
    let mut string = vec![0x5f, 0x10, 200];
    string.extend_from_slice(&text);
    let mut bytes = b"bplist00".to_vec();
    bytes.extend_from_slice(&[0xaf, 0x12, 0, 1, 0x86, 0xa0]);
    bytes.extend(std::iter::repeat_n(1_u8, 0x186a0));
    let second = u32::try_from(bytes.len()).unwrap();
    bytes.extend_from_slice(&string);
    let table = u64::try_from(bytes.len()).unwrap();
    bytes.extend_from_slice(&8_u32.to_be_bytes());
    bytes.extend_from_slice(&second.to_be_bytes());
    bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 4, 1]);
    for number in [2, 0, table] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    assert_eq!(parse(&bytes), Err(ParseError::TooMuchText));
}

#[test]
fn openstep_as_macos_prints_it() {
    let value = parse(
        b"// status\n{\n    BackupPhase = Copying; /* now */\n    \"Client ID\" = \"com.apple.\\\"backupd\\\"\";\n    Progress =     {\n\
          Percent = \"3.8e-05\";\n        };\n    list = (1, 'b', <0fbd 77>,);\n    octal = \"\\101\\U00e9\";\n}\n",
    )
    .unwrap();
    let status = value.as_dictionary().unwrap();
    assert_eq!(status.get("BackupPhase").unwrap().as_string(), Some("Copying"));
    assert_eq!(status.get("Client ID").unwrap().as_string(), Some("com.apple.\"backupd\""));
    assert_eq!(
        status.get("Progress").unwrap().as_dictionary().unwrap().get("Percent").unwrap().as_string(),
        Some("3.8e-05")
    );
    assert_eq!(status.get("list").unwrap().as_array().unwrap()[2].as_data(), Some([0x0f, 0xbd, 0x77].as_slice()));
    assert_eq!(status.get("octal").unwrap().as_string(), Some("Aé"));
    assert_eq!(
        parse(b"{\n a = b\n}").unwrap_err().to_string(),
        "line 3: `;` is missing after a value (read as an OpenStep property list)"
    );
}

#[test]
fn the_largest_hostile_files_take_little_time() {
    let size = usize::try_from(MAX_BYTES).unwrap();
    let many = format!("<plist><array>{}</array></plist>", "<true/>".repeat(size / 8));
    let quoted = format!("({})", "\"a\",".repeat(size / 5));
    let open = format!("<plist><dict>{}", "<key>".repeat(size / 6));
    let comments = format!("<plist>{}", "<!-- -->".repeat(size / 9));
    let ampersands = format!("<plist><string>{}", "&amp;".repeat(size / 6));
    for text in [many, quoted, open, comments, ampersands] {
        let start = Instant::now();
        assert!(parse(text.as_bytes()).is_err());
        assert!(start.elapsed() < Duration::from_secs(2), "{:?} for {:.40}", start.elapsed(), text);
    }
}

fn value_strategy() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(|number| Value::Integer(number.into())),
        "[ -~é\n]{0,12}".prop_map(Value::String),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Data),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::btree_map("[a-zA-Z&<]{1,8}", inner, 0..6)
                .prop_map(|members| Value::Dictionary(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn reads_back_what_the_plist_crate_writes(value in value_strategy()) {
        let (mut xml, mut binary) = (Vec::new(), Vec::new());
        value.to_writer_xml(&mut xml).unwrap();
        value.to_writer_binary(&mut binary).unwrap();
        prop_assert_eq!(parse(&xml).unwrap(), value.clone());
        prop_assert_eq!(parse(&binary).unwrap(), value);
    }

    #[test]
    fn never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes);
        let mut binary = b"bplist00".to_vec();
        binary.extend_from_slice(&bytes);
        let _ = parse(&binary);
    }

    #[test]
    fn never_panics_on_damaged_files(value in value_strategy(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let (mut xml, mut binary) = (Vec::new(), Vec::new());
        value.to_writer_xml(&mut xml).unwrap();
        value.to_writer_binary(&mut binary).unwrap();
        for mut bytes in [xml, binary] {
            let index = at.index(bytes.len());
            bytes[index] = byte;
            let _ = parse(&bytes);
            bytes.truncate(cut.index(bytes.len()));
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn never_panics_on_any_markup(text in "(<|>|/|&|;|\\{|\\(|\\)|\\}|=|\"|\\\\|<dict>|</dict>|<key>|</key>|<array>|</plist>|<plist>|<!--|-->|<!\\[CDATA\\[|\\]\\]>|a|é|\n){0,40}") {
        let _ = parse(text.as_bytes());
        let _ = parse(format!("<plist>{text}").as_bytes());
        let _ = parse(format!("{{{text}").as_bytes());
    }
}
