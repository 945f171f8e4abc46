//! Typed records: their checks, and how they stand in a message.

use super::Folder;
use crate::errors::Error;
use crate::records::{Draft, encode, set_sha256s};
use crate::wire::payload::Source;
use crate::wire::table_column::Cells;
use crate::wire::typed_record::Kind;
use crate::{Histogram, Image, Object3D, Table, Value, wire};

fn sentence<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Value(sentence)) => sentence,
        other => panic!("{other:?}"),
    }
}

fn encoded(value: impl Into<Value>) -> (Kind, Draft) {
    let mut draft = Draft::default();
    let record = encode(value.into(), &mut draft).unwrap();
    (record.kind.unwrap(), draft)
}

/// Returns the bytes that a payload refers to.
fn bytes<'draft>(payload: Option<&wire::Payload>, draft: &'draft Draft) -> &'draft [u8] {
    match payload.unwrap().source.as_ref().unwrap() {
        Source::Range(range) => {
            assert_eq!(range.offset % 8, 0);
            &draft.data[range.offset as usize..][..range.size_bytes as usize]
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn pixels_are_copied_as_they_are() {
    let image = Image::from_pixels(&[1_u8, 2, 3, 4, 5, 6], &[1, 2, 3]).unwrap().caption("two");
    let (Kind::Image(image), draft) = encoded(image) else { panic!() };
    let Some(wire::image::Source::Raw(array)) = image.source else { panic!() };
    assert_eq!((array.dtype.as_str(), array.shape.as_slice()), ("|u1", &[1, 2, 3][..]));
    assert_eq!(bytes(array.data.as_ref(), &draft), [1, 2, 3, 4, 5, 6]);
    assert_eq!(image.caption, "two");
    let (Kind::Image(image), _) = encoded(Image::from_pixels(&[0.0_f32, 1.0], &[1, 2]).unwrap()) else { panic!() };
    let Some(wire::image::Source::Raw(array)) = image.source else { panic!() };
    assert_eq!(array.dtype, "<f4");
}

#[test]
fn pixels_that_cannot_be_are_refused() {
    for shape in [&[4][..], &[2, 2, 2], &[1, 2, 2, 1], &[0, 4], &[2, 2, 5]] {
        assert!(sentence(Image::from_pixels(&[0_u8; 4], shape)).contains(&format!("{shape:?}")));
    }
    assert!(sentence(Image::from_pixels(&[0_u8; 3], &[2, 2])).contains("3 numbers"));
    assert!(sentence(Image::from_pixels(&[0_u8; 3], &[usize::MAX, 3])).contains("3 numbers"));
    assert!(sentence(Image::from_pixels(&[0.5, 255.0], &[1, 2])).contains("number 1 is 255"));
    assert!(sentence(Image::from_pixels(&[f32::NAN], &[1, 1])).contains("NaN"));
}

#[test]
fn a_file_is_known_by_its_content() {
    let folder = Folder::new();
    let path = folder.0.join("picture.txt");
    std::fs::write(&path, b"\x89PNG\r\n\x1a\nrest").unwrap();
    let (Kind::Image(image), draft) = encoded(Image::from_file(&path).unwrap()) else { panic!() };
    let Some(wire::image::Source::Encoded(payload)) = image.source else { panic!() };
    assert_eq!((payload.media_type.as_str(), payload.file_name.as_str()), ("image/png", "picture.txt"));
    assert_eq!(bytes(Some(&payload), &draft), b"\x89PNG\r\n\x1a\nrest");
    for known in
        [&b"RIFF....WEBPVP8"[..], b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"<?xml version='1.0'?>\n<svg/>", b" <SVG>"]
    {
        Image::from_bytes(known).unwrap();
    }
    assert!(sentence(Image::from_bytes("II*\0")).contains("no image that browsers show"));
    assert!(sentence(Image::from_bytes("")).contains("0 bytes"));
    assert!(sentence(Image::from_file(folder.0.join("none"))).contains("cannot be read"));
}

#[test]
fn a_histogram_is_numbers_or_counts() {
    let (Kind::Histogram(made), draft) = encoded(Histogram::with_bins(&[1.0, 2.0], 4).unwrap()) else { panic!() };
    assert_eq!(made.bin_count, 4);
    assert_eq!(bytes(made.raw.unwrap().data.as_ref(), &draft).len(), 16);
    let (Kind::Histogram(made), _) = encoded(Histogram::new(&[1_i64, 2])) else { panic!() };
    assert_eq!((made.bin_count, made.raw.unwrap().dtype.as_str()), (64, "<i8"));
    let (Kind::Histogram(made), _) = encoded(Histogram::from_counts(&[1.0, 2.0], &[0.0, 1.0, 3.0]).unwrap()) else {
        panic!()
    };
    assert_eq!((made.counts, made.edges), (vec![1.0, 2.0], vec![0.0, 1.0, 3.0]));
    for bins in [0, 513] {
        let said = sentence(Histogram::with_bins(&[1.0], bins));
        assert!(said.contains(&bins.to_string()) && said.contains("512"), "{said}");
    }
    assert!(sentence(Histogram::from_counts(&[1.0], &[0.0])).contains("1 counts and 1 edges"));
    assert!(sentence(Histogram::from_counts(&[1.0], &[1.0, 1.0])).contains("ascending"));
    assert!(sentence(Histogram::from_counts(&[1.0], &[1.0, f64::NAN])).contains("ascending"));
    assert!(sentence(Histogram::from_counts(&[-1.0], &[0.0, 1.0])).contains("-1"));
}

#[test]
fn points_have_three_four_or_six_numbers() {
    let points = Object3D::from_points(&[[0.0_f32, 1.0, 2.0], [3.0, 4.0, 5.0]]).unwrap().caption("cloud");
    let (Kind::Object3d(made), _) = encoded(points) else { panic!() };
    let Some(wire::object3_d::Source::Scene(scene)) = made.source else { panic!() };
    assert_eq!(scene.points.unwrap().shape, [2, 3]);
    assert!(sentence(Object3D::from_points(&[[0.0; 5]])).contains("5 numbers"));
    assert!(sentence(Object3D::from_points::<f64, 3>(&[])).contains("at least one point"));
    assert!(sentence(Object3D::from_flat_points(&[0.0; 7], 3)).contains("7 numbers"));
}

#[test]
fn a_model_is_known_by_its_name() {
    let folder = Folder::new();
    let path = folder.0.join("cube.GLB");
    std::fs::write(&path, "glTF").unwrap();
    let (Kind::Object3d(made), _) = encoded(Object3D::from_file(&path).unwrap()) else { panic!() };
    assert_eq!(made.file_type, "glb");
    assert!(sentence(Object3D::from_bytes("x", "fbx")).contains("\"fbx\""));
}

fn column(rows: &[Value]) -> (wire::TableColumn, Draft) {
    let mut table = Table::new(["c"]);
    for row in rows {
        table.add_row([row.clone()]).unwrap();
    }
    let (Kind::Table(mut made), draft) = encoded(table) else { panic!() };
    assert_eq!(made.row_count, rows.len() as i64);
    (made.columns.remove(0), draft)
}

#[test]
fn a_column_of_one_kind_is_an_array() {
    let (made, draft) = column(&[1.into(), Value::Null, 3.into()]);
    let Some(Cells::Numbers(array)) = made.cells else { panic!() };
    assert_eq!((array.dtype.as_str(), array.shape.as_slice()), ("<i8", &[3][..]));
    assert_eq!(bytes(array.data.as_ref(), &draft)[16], 3);
    assert_eq!(bytes(made.validity.unwrap().data.as_ref(), &draft), [1, 0, 1]);
    let (made, _) = column(&[1.0.into(), f64::NAN.into()]);
    let Some(Cells::Numbers(array)) = made.cells else { panic!() };
    assert_eq!((array.dtype.as_str(), made.validity), ("<f8", None));
    let (made, draft) = column(&[true.into(), false.into()]);
    let Some(Cells::Numbers(array)) = made.cells else { panic!() };
    assert_eq!((array.dtype.as_str(), bytes(array.data.as_ref(), &draft)), ("|b1", &[1, 0][..]));
    let (made, draft) = column(&["ü".into(), Value::Null, "".into()]);
    let Some(Cells::Texts(texts)) = made.cells else { panic!() };
    assert_eq!(bytes(texts.data.as_ref(), &draft), "ü".as_bytes());
    let sizes: Vec<_> = [2_i64, -1, 0].iter().flat_map(|size| size.to_le_bytes()).collect();
    assert_eq!(bytes(texts.sizes_bytes.unwrap().data.as_ref(), &draft), sizes);
}

#[test]
fn a_column_of_many_kinds_keeps_each_cell() {
    let image = Image::from_pixels(&[9_u8], &[1, 1]).unwrap();
    let (made, draft) = column(&[1.into(), 1.0.into(), Value::Null, vec![1, 2].into(), image.into()]);
    let Some(Cells::Values(list)) = made.cells else { panic!() };
    let kinds: Vec<_> = list.cells.into_iter().map(|cell| cell.kind).collect();
    use wire::value::Kind as Cell;
    let json = Cell::JsonValue("[1,2]".into());
    assert_eq!(kinds[..4], [Some(Cell::IntValue(1)), Some(Cell::DoubleValue(1.0)), None, Some(json)]);
    assert!(matches!(&kinds[4], Some(Cell::RecordValue(_))));
    assert_eq!(draft.data, [9]);
    let (made, _) = column(&[Value::Null]);
    assert!(matches!(made.cells, Some(Cells::Values(_))));
    let (made, _) = column(&[]);
    assert_eq!(made.cells, None);
}

#[test]
fn a_row_that_does_not_fit_is_not_added() {
    let mut table = Table::new(["a", "b"]);
    table.add_row([1, 2]).unwrap();
    assert!(sentence(table.add_row([3])).contains("row 1 has 1 cells and the table has 2 columns"));
    assert!(sentence(table.add_row(["x".repeat(2 << 20), String::new()])).contains("2097152 bytes"));
    assert_eq!(table.len(), 1);
}

#[test]
fn large_parts_are_objects_and_get_their_names_later() {
    let large = vec![1_u8; 1 << 20];
    let mut draft = Draft::default();
    assert!(matches!(draft.payload(vec![0; (1 << 20) - 1]).source, Some(Source::Range(_))));
    assert!(matches!(draft.payload(vec![0; (1 << 20) - 8]).source, Some(Source::Range(_))));
    // The data of one record have a bound too.
    assert!(matches!(draft.payload(vec![0; 100]).source, Some(Source::Sha256(_))));
    assert_eq!(draft.objects.len(), 1);

    let mut table = Table::new(["t", "m"]);
    let text = Value::from("x".repeat(1 << 20));
    let cell = Value::List(vec![Image::from_pixels(&large, &[1024, 1024]).unwrap().into()]);
    table.add_row([text, cell]).unwrap();
    let mut draft = Draft::default();
    let values = [
        Value::from(table),
        Object3D::from_bytes(large.clone(), "stl").unwrap().into(),
        Histogram::new(&vec![0.0; 1 << 17]).into(),
        Object3D::from_flat_points(&vec![0.0; 3 << 16], 3).unwrap().into(),
        Image::from_bytes([b"GIF87a".as_slice(), &large].concat()).unwrap().into(),
    ];
    let entries = values.into_iter().map(|value| {
        let record = encode(value, &mut draft).unwrap();
        let value = Some(wire::Value { kind: Some(wire::value::Kind::RecordValue(record)) });
        wire::Entry { key: "key".into(), value }
    });
    let row = wire::Row { values: entries.collect(), ..Default::default() };
    let mut record = wire::Record { kind: Some(wire::record::Kind::Row(row)), ..Default::default() };
    assert_eq!(draft.objects.len(), 6);
    let names: Vec<_> = (0..6).map(|number| format!("{number:064}")).collect();
    set_sha256s(&mut record, &names);
    let text = format!("{record:?}");
    assert!(names.iter().all(|name| text.contains(name)), "{text}");
}
