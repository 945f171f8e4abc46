//! What a value becomes, and which cannot be one.

use std::collections::BTreeMap;

use crate::entries::{Leaf, TEXT_BYTES_MAX, check_key, flatten, plain};
use crate::errors::Error;
use crate::{Histogram, Image, Table, Value, Values, values};

fn leaves(values: impl Into<Values>) -> Vec<(String, Leaf)> {
    let flat = flatten(values.into());
    assert_eq!(flat.problem, None);
    flat.leaves
}

fn leaf(value: impl Into<Value>) -> Leaf {
    leaves([("key", value)]).remove(0).1
}

fn json(value: impl Into<Value>) -> String {
    match leaf(value) {
        Leaf::Json(text) => text,
        other => panic!("{other:?}"),
    }
}

fn problem(values: impl Into<Values>) -> String {
    match flatten(values.into()).problem {
        Some(Error::Value(sentence)) => sentence,
        other => panic!("{other:?}"),
    }
}

fn image() -> Image {
    Image::from_pixels(&[0_u8], &[1, 1]).unwrap()
}

#[test]
fn plain_values_stay_what_they_are() {
    assert_eq!(leaf(0.5_f32), Leaf::Float(0.5));
    assert_eq!(leaf(1.0), Leaf::Float(1.0));
    assert_eq!(leaf(i64::MIN), Leaf::Int(i64::MIN));
    assert_eq!(leaf(7_u8), Leaf::Int(7));
    assert_eq!(leaf(7_usize), Leaf::Int(7));
    assert_eq!(leaf(i64::MAX as u64), Leaf::Int(i64::MAX));
    assert_eq!(leaf(u64::MAX), Leaf::Float(u64::MAX as f64));
    assert_eq!(leaf(true), Leaf::Bool(true));
    assert_eq!(leaf("текст 🌍"), Leaf::Text("текст 🌍".into()));
    assert_eq!(leaf(Some(2)), Leaf::Int(2));
    assert!(matches!(leaf(f64::NAN), Leaf::Float(number) if number.is_nan()));
}

#[test]
fn everything_else_is_json() {
    assert_eq!(json(None::<i64>), "null");
    assert_eq!(json(Vec::<i64>::new()), "[]");
    assert_eq!(
        json(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0, 1e300]),
        "[NaN,Infinity,-Infinity,1.0,1e300]"
    );
    let mixed: Vec<Value> = vec![1.into(), "a\"\n".into(), Value::Null, values! { "b" => [1.5, 2.5] }.into()];
    assert_eq!(json(mixed), r#"[1,"a\"\n",null,{"b":[1.5,2.5]}]"#);
    let given = serde_json::json!([1, 2.5, u64::MAX, "x", null, {"y": false}]);
    assert_eq!(json(given), r#"[1,2.5,1.8446744073709552e19,"x",null,{"y":false}]"#);
}

#[test]
fn nested_maps_become_dotted_names() {
    let nested = values! { "train" => values! { "loss" => 0.5, "top" => BTreeMap::from([("k1", 0.75)]) }, "n" => 1 };
    let keys: Vec<_> = leaves(nested).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["train.loss", "train.top.k1", "n"]);
}

#[test]
fn of_a_key_given_twice_the_last_value_counts() {
    let given = values! { "a" => 1, "b" => 2, "a" => 3 };
    assert_eq!(leaves(given), [("a".into(), Leaf::Int(3)), ("b".into(), Leaf::Int(2))]);
    let many: Vec<_> = (0..200).map(|number| (format!("k{}", number % 100), number)).collect();
    let kept = leaves(many);
    assert_eq!(kept.len(), 100);
    assert_eq!(kept[99], ("k99".into(), Leaf::Int(199)));
}

#[test]
fn keys_that_cannot_be_are_named_and_the_rest_is_kept() {
    let flat = flatten(values! { "" => 1, "ok" => 2, "_console/x" => 3 });
    assert_eq!(flat.leaves, [("ok".into(), Leaf::Int(2))]);
    assert!(flat.problem.unwrap().to_string().contains("key is empty"));
    assert!(problem([("_system/cpu", 1)]).contains("_system/cpu"));
    assert!(problem([("ü".repeat(257), 1)]).contains("514 bytes; the limit is 512"));
    assert_eq!(check_key(&"ü".repeat(256)), Ok(()));
    assert!(
        problem(values! { "a" => values! { "b" => "x".repeat(TEXT_BYTES_MAX + 1) } })
            .contains("\"a.b\" is 1048577 bytes")
    );
    leaf("x".repeat(TEXT_BYTES_MAX));
}

#[test]
fn nesting_has_an_end() {
    let mut value = Value::Int(1);
    for _ in 0..100 {
        value = Value::List(vec![value]);
    }
    assert!(problem([("deep", value)]).contains("nested deeper than 64"));
    let mut values = Values::from([("a", 1)]);
    for _ in 0..100 {
        values = values! { "a" => values };
    }
    assert!(problem(values).contains("nested deeper than 64"));
}

#[test]
fn a_row_knows_reserved_names() {
    let flat = flatten(values! { "_step" => 5, "_runtime" => 1.5, "_timestamp" => 1_700_000_000.5, "n" => 1 });
    assert_eq!(flat.leaves.len(), 1);
    assert_eq!(flat.time_unix_nanos, Some(1_700_000_000_500_000_000));
}

#[test]
fn a_config_keeps_its_maps_whole_and_takes_no_records() {
    let flat =
        plain(values! { "optimizer" => values! { "name" => "adam", "betas" => [0.5, 0.75] }, "picture" => image() });
    assert_eq!(flat.leaves, [("optimizer".into(), Leaf::Json(r#"{"name":"adam","betas":[0.5,0.75]}"#.into()))]);
    assert!(flat.problem.unwrap().to_string().contains("\"picture\" holds an Image"));
}

#[test]
fn records_stand_alone_or_in_a_list_of_one_kind() {
    assert!(matches!(leaf(image()), Leaf::Record(_)));
    assert!(matches!(leaf(vec![image(), image()]), Leaf::Record(_)));
    let mixed: Vec<Value> = vec![image().into(), Histogram::new(&[1.0]).into()];
    assert!(problem([("mixed", mixed)]).contains("item 1 of the list is of another kind"));
    let late: Vec<Value> = vec![1.into(), image().into()];
    assert!(problem([("late", late)]).contains("holds an Image"));
    let many = vec![Value::from(Table::new(["a"])); 100_001];
    assert!(problem([("many", many)]).contains("100001 records; the limit is 100000"));
}

#[test]
fn records_of_a_row_have_a_bound_in_the_message() {
    let mut table = Table::new(["cell"]);
    for number in 0..40 {
        let cell = if number % 2 == 0 { Value::from("x".repeat(50_000)) } else { Value::Int(1) };
        table.add_row([cell]).unwrap();
    }
    let flat = flatten(values! { "first" => table.clone(), "second" => table, "n" => 1 });
    let keys: Vec<_> = flat.leaves.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["first", "n"]);
    assert!(flat.problem.unwrap().to_string().contains("the limit is 1572864"));
}
