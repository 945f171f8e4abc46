//! Text becomes numbered lines, however it is cut.

use super::Numbers;
use crate::console::{Lines, Stream};
use crate::wire;

const STDOUT: i32 = wire::ConsoleStream::Stdout as i32;
const STDERR: i32 = wire::ConsoleStream::Stderr as i32;

/// Returns what a reader sees: (stream, text) by number.
fn seen(made: &[wire::ConsoleLines]) -> Vec<(i32, String)> {
    let mut lines = std::collections::BTreeMap::new();
    for record in made {
        for (offset, text) in record.lines.iter().enumerate() {
            lines.insert(record.first_line + offset as i64, (record.stream, text.clone()));
        }
    }
    assert!(lines.keys().copied().eq(0..lines.len() as i64));
    lines.into_values().collect()
}

fn written(pieces: &[(Stream, &[u8])]) -> Vec<(i32, String)> {
    let mut lines = Lines::default();
    let mut made: Vec<_> = pieces.iter().flat_map(|(stream, bytes)| lines.write(*stream, bytes)).collect();
    made.extend(lines.flush());
    seen(&made)
}

fn texts(text: &str) -> Vec<String> {
    written(&[(Stream::Stdout, text.as_bytes())]).into_iter().map(|(_, text)| text).collect()
}

#[test]
fn a_line_ends_with_its_line_end_or_with_the_run() {
    assert_eq!(texts("one\ntwo\n\nthree"), ["one", "two", "", "three"]);
    assert_eq!(texts(""), Vec::<String>::new());
    assert_eq!(texts("windows\r\n"), ["windows"]);
}

#[test]
fn a_progress_bar_is_one_line() {
    assert_eq!(texts(" 1%\r50%\r100%\nnext"), ["100%", "next"]);
    assert_eq!(texts(" 1%\r50%\r"), ["50%"]);
}

#[test]
fn both_streams_share_the_numbers() {
    let made = written(&[(Stream::Stdout, b"a"), (Stream::Stderr, b"b\n"), (Stream::Stdout, b"c\n")]);
    assert_eq!(made, [(STDERR, "b".into()), (STDOUT, "ac".into())]);
}

#[test]
fn a_line_that_goes_on_after_a_flush_replaces_what_was_said() {
    let mut lines = Lines::default();
    let mut made = lines.write(Stream::Stdout, b"begun");
    made.extend(lines.flush());
    made.extend(lines.flush());
    assert_eq!(made.len(), 1);
    made.extend(lines.write(Stream::Stdout, b" and ended\nnext\n"));
    assert_eq!(seen(&made), [(STDOUT, "begun and ended".into()), (STDOUT, "next".into())]);
}

#[test]
fn a_line_that_is_too_long_goes_on_in_the_next() {
    let text = "ü".repeat(50_000);
    let expected = vec!["ü".repeat(32_768), "ü".repeat(50_000 - 32_768)];
    assert_eq!(texts(&text), expected);
    assert_eq!(texts(&format!("{text}\n")), expected);
}

#[test]
fn what_is_no_utf_8_is_replaced() {
    assert_eq!(written(&[(Stream::Stdout, b"a\xffb\n")]), [(STDOUT, "a\u{fffd}b".into())]);
}

#[test]
fn how_the_text_is_cut_changes_nothing() {
    let text = "eins\nzwei ä€🌍\r\n 1%\r 50%\r100%\n\n\rfünf\r\r\nende".as_bytes();
    let expected = written(&[(Stream::Stdout, text)]);
    let mut numbers = Numbers(7);
    for _ in 0..500 {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(1 + numbers.below(rest.len() as u64) as usize);
            pieces.push((Stream::Stdout, piece));
            rest = behind;
        }
        assert_eq!(written(&pieces), expected, "{pieces:?}");
    }
}
