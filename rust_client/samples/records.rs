//! Logs an image, a histogram, a table and points.

use trackd::{Histogram, Image, Object3D, Options, Table, values};

fn main() -> Result<(), trackd::Error> {
    let run = Options::new().project("demo").init()?;

    let mut pixels = Vec::with_capacity(64 * 64 * 3);
    for row in 0..64_u8 {
        for column in 0..64_u8 {
            pixels.extend([4 * row, 4 * column, 128]);
        }
    }
    let image = Image::from_pixels(&pixels, &[64, 64, 3])?.caption("a gradient");

    let numbers: Vec<f64> = (0..1000).map(|number| (f64::from(number) * 0.1).sin()).collect();

    let mut table = Table::new(["word", "count", "share"]);
    table.add_row(values_of("one", 1, 0.25))?;
    table.add_row(values_of("three", 3, 0.75))?;

    let spiral: Vec<[f64; 3]> =
        (0..500).map(|number| f64::from(number) * 0.05).map(|angle| [angle.cos(), angle.sin(), 0.1 * angle]).collect();

    run.log(values! {
        "picture" => image,
        "waves" => Histogram::with_bins(&numbers, 32)?,
        "words" => table,
        "spiral" => Object3D::from_points(&spiral)?,
    })?;
    run.finish(0)
}

fn values_of(word: &str, count: i64, share: f64) -> [trackd::Value; 3] {
    [word.into(), count.into(), share.into()]
}
