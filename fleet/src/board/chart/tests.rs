use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::board::moment::seconds;

const HOSTILE: &str = "</text><script>alert(1)</script>\u{1b}[31m\"'&";

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

#[test]
fn a_picture_has_the_colours_of_the_page_and_words_for_who_does_not_see_it() {
    let picture = bars(&Bars {
        id: "mix",
        title: "Closes",
        about: "by week",
        of: "Week",
        names: vec!["one".to_owned(), "two".to_owned()],
        parts: vec![("1006".to_owned(), Tint::Series(0), vec![3, 0]), ("1008".to_owned(), Tint::Series(1), vec![1, 9])],
    });
    let svg = picture.svg.unwrap();
    assert!(svg.starts_with("<svg class=\"chart\" viewBox=\"0 0 880 260\" role=\"img\" aria-labelledby=\"mix-st mix-sd\"><title id=\"mix-st\">Closes"), "{svg}");
    assert!(svg.contains("var(--s1)") && svg.contains("var(--s2)"));
    assert!(!svg.contains('#'), "a colour that the page does not know: {svg}");
    assert!(!svg.contains("style="), "the policy of the page would block it");
    assert_eq!(picture.rows, [["one", "3", "1"], ["two", "0", "9"]].map(|row| row.map(str::to_owned).to_vec()));
}

#[test]
fn what_a_node_names_stays_text() {
    let picture = bars(&Bars {
        id: "x",
        title: HOSTILE,
        about: HOSTILE,
        of: "Build",
        names: vec![HOSTILE.to_owned()],
        parts: vec![(HOSTILE.to_owned(), Tint::Ink, vec![1])],
    });
    let svg = picture.svg.unwrap();
    assert!(!svg.contains("<script") && !svg.contains('\u{1b}') && !svg.contains("</text><"), "{svg}");
}

#[test]
fn nothing_measured_is_no_picture() {
    let none = lines(&Lines {
        id: "l",
        title: "",
        about: "",
        span: (at(0), at(60)),
        series: Vec::new(),
        write: seconds,
        bound: None,
    });
    assert!(none.svg.is_none());
    let nan = vec![Line { name: "p95".to_owned(), points: vec![(at(1), f64::NAN)] }];
    assert!(
        lines(&Lines {
            id: "l",
            title: "",
            about: "",
            span: (at(0), at(60)),
            series: nan,
            write: seconds,
            bound: None
        })
        .svg
        .is_none()
    );
    assert!(band("b", "", "", (at(0), at(60)), &[]).svg.is_none());
}

#[test]
fn lines_break_where_nothing_was_measured() {
    let points = [0, 1, 2, 3, 30, 31, 90].map(|minute| (at(minute), 0.5)).to_vec();
    let picture = lines(&Lines {
        id: "l",
        title: "Waits",
        about: "",
        span: (at(0), at(90)),
        series: vec![Line { name: "p95".to_owned(), points }],
        write: seconds,
        bound: Some((1.0, "bar")),
    });
    let svg = picture.svg.unwrap();
    assert_eq!((svg.matches("stroke=\"var(--s1)\"").count(), svg.matches("<circle").count()), (2, 1), "{svg}");
    assert!(svg.contains("bar"));
    assert_eq!(picture.rows.len(), 7);
}

#[test]
fn ends_of_time_and_of_numbers_can_be_drawn() {
    for span in [(Timestamp::MIN, Timestamp::MAX), (Timestamp::MAX, Timestamp::MAX), (at(5), at(0))] {
        for value in [f64::MAX, f64::MIN, f64::INFINITY, 0.0, 1e-300] {
            let line = Line { name: String::new(), points: vec![(span.0, value), (span.1, value)] };
            lines(&Lines { id: "l", title: "", about: "", span, series: vec![line], write: seconds, bound: None });
        }
    }
    let huge = vec![("n".to_owned(), Tint::Ink, vec![u64::MAX / 2])];
    bars(&Bars { id: "b", title: "", about: "", of: "", names: vec![String::new()], parts: huge });
}
