//! Tracks a hundred steps of a training that is made up.

fn main() -> Result<(), trackd::Error> {
    let run = trackd::Options::new()
        .project("demo")
        .config(trackd::values! { "learning_rate" => 0.1, "epochs" => 100, "optimizer" => "sgd" })
        .init()?;
    for step in 0..100 {
        let loss = (-0.05 * f64::from(step)).exp();
        run.log([("loss", loss), ("accuracy", 1.0 - 0.9 * loss)])?;
    }
    run.summary().set("best_accuracy", 0.99)?;
    run.finish(0)
}
