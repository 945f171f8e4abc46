//! Writes its part of a run that several processes write at once: `TRACKD_RUN_ID=together shared LABEL`.

use trackd::{Mode, Options, values};

fn main() -> Result<(), trackd::Error> {
    let label = std::env::args().nth(1).unwrap_or_else(|| "rust".into());
    let run = Options::new().label(&label).mode(Mode::Shared).init()?;
    for number in 0..1000 {
        run.log(values! {
            format!("{label}/n") => number,
            format!("{label}/half") => f64::from(number) / 2.0,
        })?;
    }
    run.finish(0)
}
