//! What waits keeps its order and its bound, and rows of one key set gather.

use std::collections::VecDeque;

use super::Numbers;
use super::fake::ints;
use crate::columns::RowOptions;
use crate::entries::Leaf;
use crate::outbox::{Outbox, Ready};
use crate::wire;
use crate::wire::record::Kind;

fn options(step: Option<i64>, commit: Option<bool>) -> RowOptions {
    RowOptions { time_unix_nanos: 1, step, commit }
}

fn push(outbox: &mut Outbox, leaves: &[(&str, Leaf)], options: RowOptions) -> Option<String> {
    let leaves = leaves.iter().map(|(key, leaf)| ((*key).to_owned(), leaf.clone())).collect();
    outbox.push_row(leaves, options, Vec::new(), Vec::new())
}

fn push_int(outbox: &mut Outbox, key: &str, number: i64) -> Option<String> {
    push(outbox, &[(key, Leaf::Int(number))], options(None, None))
}

fn shapes(batch: &VecDeque<Ready>) -> Vec<&'static str> {
    let shape = |ready: &Ready| match &ready.record.kind {
        Some(Kind::Row(_)) => "row",
        Some(Kind::RowColumns(_)) => "columns",
        Some(Kind::ConsoleLines(_)) => "lines",
        _ => "other",
    };
    batch.iter().map(shape).collect()
}

#[test]
fn rows_alike_gather_and_others_do_not() {
    let mut outbox = Outbox::new(1 << 20);
    let none = options(None, None);
    let rows: [(&[(&str, Leaf)], RowOptions); 12] = [
        (&[("a", Leaf::Int(1))], none),
        (&[("a", Leaf::Int(2))], none),
        (&[("a", Leaf::Float(2.0))], none),
        (&[("a", Leaf::Float(3.0)), ("b", Leaf::Bool(true))], none),
        (&[("b", Leaf::Bool(true)), ("a", Leaf::Float(3.0))], none),
        (&[("b", Leaf::Bool(true)), ("a", Leaf::Float(3.0))], options(Some(7), None)),
        (&[("b", Leaf::Bool(false)), ("a", Leaf::Float(4.0))], options(Some(9), None)),
        (&[("b", Leaf::Bool(false)), ("a", Leaf::Float(4.0))], options(Some(9), Some(true))),
        (&[("b", Leaf::Bool(false)), ("a", Leaf::Float(4.0))], options(Some(9), Some(true))),
        (&[("a", Leaf::Json("null".into()))], none),
        (&[("a", Leaf::Text("x".into()))], none),
        (&[("a", Leaf::Text("y".into()))], none),
    ];
    for (leaves, options) in rows {
        assert_eq!(push(&mut outbox, leaves, options), None);
    }
    let batch = outbox.cut();
    let expected = ["columns", "row", "row", "row", "columns", "row", "row", "row", "columns"];
    assert_eq!(shapes(&batch), expected);
    assert_eq!(batch.iter().map(|ready| ready.count).collect::<Vec<_>>(), [2, 1, 1, 1, 2, 1, 1, 1, 2]);
    let Some(Kind::RowColumns(columns)) = &batch[4].record.kind else { panic!() };
    assert_eq!((columns.steps.as_slice(), columns.commit), (&[7, 9][..], None));
    assert_eq!(columns.times_unix_nanos, [1, 1]);
    let Some(Kind::Row(row)) = &batch[1].record.kind else { panic!() };
    assert_eq!(row.values[0].value, Some(Leaf::Float(2.0).into_value()));
}

#[test]
fn lines_gather_while_they_follow_each_other() {
    let mut outbox = Outbox::new(1 << 20);
    let lines =
        |stream: i32, first_line| wire::ConsoleLines { stream, first_line, lines: vec!["x".into(), "y".into()] };
    for each in [lines(1, 0), lines(1, 2), lines(2, 4), lines(2, 7)] {
        outbox.push_lines(each, 1);
    }
    let batch = outbox.cut();
    assert_eq!(batch.iter().map(|ready| ready.count).collect::<Vec<_>>(), [4, 2, 2]);
    assert_eq!(outbox.said(), 8);
}

#[test]
fn many_lines_at_once_are_several_records() {
    let mut outbox = Outbox::new(1 << 30);
    let lines: Vec<_> = (0..1000).map(|number| format!("{number}{}", "x".repeat(10_000))).collect();
    outbox.push_lines(wire::ConsoleLines { stream: 1, first_line: 5, lines: lines.clone() }, 1);
    let (mut found, mut next) = (Vec::new(), 5);
    while !outbox.is_empty() {
        for ready in outbox.cut() {
            assert!(ready.bytes <= 512 << 10);
            let Some(Kind::ConsoleLines(each)) = ready.record.kind else { panic!() };
            assert_eq!(each.first_line, next);
            next += each.lines.len() as i64;
            found.extend(each.lines);
        }
    }
    assert_eq!(found, lines);
}

#[test]
fn batches_keep_the_order_and_stay_small() {
    let mut numbers = Numbers(3);
    let mut outbox = Outbox::new(1 << 30);
    let mut expected = [Vec::new(), Vec::new()];
    for number in 0..100_000 {
        let key = usize::from(numbers.below(50) == 0);
        push_int(&mut outbox, ["a", "b"][key], number);
        expected[key].push(number);
    }
    let mut found = [Vec::new(), Vec::new()];
    let mut ticket = 0;
    while !outbox.is_empty() {
        let batch = outbox.cut();
        assert!(batch.iter().map(|ready| prost::Message::encoded_len(&ready.record)).sum::<usize>() < 1 << 20);
        for ready in &batch {
            assert_eq!(ready.ticket, ticket + ready.count);
            ticket = ready.ticket;
            found[0].extend(ints(&ready.record, "a"));
            found[1].extend(ints(&ready.record, "b"));
            outbox.settle(ready, true);
        }
    }
    assert_eq!(found, expected);
    assert!(outbox.is_settled(100_000));
    assert_eq!((outbox.waiting(), outbox.dropped()), (0, 0));
}

#[test]
fn what_is_being_sent_counts_against_the_bound() {
    let mut outbox = Outbox::new(480);
    for number in 0..10 {
        assert_eq!(push_int(&mut outbox, "n", number), None);
    }
    let batch = outbox.cut();
    assert!(push_int(&mut outbox, "n", 10).unwrap().contains("dropped"));
    assert_eq!(push_int(&mut outbox, "n", 11), None);
    assert_eq!((outbox.said(), outbox.dropped()), (10, 2));
    outbox.settle(&batch[0], true);
    assert!(push_int(&mut outbox, "n", 12).unwrap().contains("2 were dropped meanwhile"));
    assert_eq!(push_int(&mut outbox, "n", 13), None);
}

#[test]
fn what_is_lost_is_counted_and_waited_for_no_more() {
    let mut outbox = Outbox::new(1 << 20);
    push_int(&mut outbox, "n", 0);
    outbox.lose("no");
    push_int(&mut outbox, "n", 1);
    assert!(outbox.is_empty() && outbox.is_settled(outbox.said()));
    assert_eq!((outbox.dropped(), outbox.lost()), (2, Some("no")));
}
