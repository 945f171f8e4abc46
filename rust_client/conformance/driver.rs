//! The Rust client's driver: takes actions as JSON lines on stdin, does them, and answers each with a line on stdout.

use std::io::{BufRead, Write};
use std::time::Duration;

use serde_json::{Value as Json, json};
use trackd::{Alert, Error, Histogram, Image, Metric, Object3D, Options, Run, Table, Value, Values};

fn text(given: &Json) -> String {
    given.as_str().unwrap_or_default().to_owned()
}

fn list(given: &Json) -> &[Json] {
    given.as_array().map_or(&[], Vec::as_slice)
}

fn numbers(given: &Json) -> impl Iterator<Item = f64> {
    list(given).iter().map(|each| each.as_f64().unwrap_or(f64::NAN))
}

/// Returns what a case writes as the client's own value.
fn value(given: &Json) -> Result<Value, Error> {
    let pairs = match given {
        Json::Array(items) => return Ok(Value::List(items.iter().map(value).collect::<Result<_, _>>()?)),
        Json::Object(pairs) => pairs,
        plain => return Ok(plain.clone().into()),
    };
    let Some(kind) = pairs.get("$") else { return Ok(Value::Map(values(given)?)) };
    let part = |name: &str| pairs.get(name).unwrap_or(&Json::Null);
    let written = part("value").as_str().map_or_else(|| part("value").to_string(), str::to_owned);
    Ok(match kind.as_str().unwrap_or_default() {
        "float" => written.parse::<f64>().map_err(|_| Error::Usage("no float".into()))?.into(),
        "int" => written.parse::<i64>().map_err(|_| Error::Usage("no integer".into()))?.into(),
        "image" => {
            let shape: Vec<usize> = numbers(part("shape")).map(|length| length as usize).collect();
            let fill = part("fill").as_u64().map(|fill| vec![fill as u8; shape.iter().product()]);
            let pixels = fill.unwrap_or_else(|| numbers(part("pixels")).map(|pixel| pixel as u8).collect());
            Image::from_pixels(&pixels, &shape)?.into()
        }
        "histogram" => {
            let values: Vec<f64> = numbers(part("values")).collect();
            Histogram::with_bins(&values, part("bins").as_u64().unwrap_or_default() as usize)?.into()
        }
        "table" => {
            let mut table = Table::new(list(part("columns")).iter().map(text));
            for row in list(part("rows")) {
                table.add_row(list(row).iter().map(value).collect::<Result<Vec<_>, _>>()?)?;
            }
            table.into()
        }
        "object3d" => {
            let points = list(part("points"));
            let coordinates: Vec<f64> = points.iter().flat_map(numbers).collect();
            Object3D::from_flat_points(&coordinates, points.first().map_or(3, |first| list(first).len()))?.into()
        }
        other => return Err(Error::Usage(format!("no value is called {other:?}"))),
    })
}

fn values(given: &Json) -> Result<Values, Error> {
    let pairs = given.as_object().into_iter().flatten();
    pairs.map(|(key, each)| Ok((key, value(each)?))).collect::<Result<Vec<_>, _>>().map(Values::from)
}

fn init(action: &Json) -> Result<Run, Error> {
    let mut options = Options::new().start_daemon(false).quiet(true).finish_timeout(Duration::from_secs(20));
    for (name, given) in action.as_object().into_iter().flatten() {
        options = match name.as_str() {
            "project" => options.project(text(given)),
            "id" => options.id(text(given)),
            "name" => options.name(text(given)),
            "group" => options.group(text(given)),
            "job_type" => options.job_type(text(given)),
            "notes" => options.notes(text(given)),
            "label" => options.label(text(given)),
            "mode" => options.mode(text(given).parse()?),
            "tags" => options.tags(list(given).iter().map(text)),
            "config" => options.config(values(given)?),
            _ => options,
        };
    }
    options.init()
}

fn metric(action: &Json) -> Result<Metric, Error> {
    let metric = Metric::new(text(&action["name"])).step_metric(text(&action["step_metric"]));
    let metric = metric.summary(text(&action["summary"])).hidden(action["hidden"] == true);
    Ok(if let Some(goal) = action["goal"].as_str() { metric.goal(goal.parse()?) } else { metric })
}

fn act(action: &Json, run: &mut Option<Run>) -> Result<(), Error> {
    let name = action["do"].as_str().unwrap_or_default();
    if name == "init" {
        *run = Some(init(action)?);
    }
    let run = run.as_ref().ok_or_else(|| Error::Usage("there is no run".into()))?;
    match name {
        "init" => Ok(()),
        "log" => {
            let row = run.row(values(&action["data"])?);
            let row = if let Some(step) = action["step"].as_i64() { row.step(step) } else { row };
            let row = if let Some(commit) = action["commit"].as_bool() { row.commit(commit) } else { row };
            row.log()
        }
        "log_many" => {
            let (key, alternates) = (text(&action["key"]), action["alternate"] == true);
            for number in 0..action["count"].as_i64().unwrap_or_default() {
                if alternates && number % 2 == 1 {
                    run.log([(key.clone(), Value::from(number)), (format!("{key}_odd"), true.into())])?;
                } else {
                    run.log([(key.as_str(), number)])?;
                }
            }
            Ok(())
        }
        "config" => run.config().update(values(&action["set"])?),
        "summary" => run.summary().update(values(&action["set"])?),
        "define_metric" => run.define_metric(metric(action)?),
        "alert" => {
            let level = action["level"].as_str().unwrap_or("INFO").parse()?;
            run.alert(Alert::new(text(&action["title"])).text(text(&action["text"])).level(level))
        }
        "console" => {
            let stream = action["stream"].as_str().unwrap_or("stdout").parse()?;
            write!(run.console(stream), "{}", text(&action["text"])).map_err(|error| Error::Usage(error.to_string()))
        }
        "flush" => run.flush(Duration::from_secs_f64(action["timeout_seconds"].as_f64().unwrap_or(20.0))),
        "finish" => run.finish(action["exit_code"].as_i64().unwrap_or_default() as i32),
        other => Err(Error::Usage(format!("no action is called {other:?}"))),
    }
}

fn main() {
    let mut run = None;
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let action = serde_json::from_str(&line).map_err(|error| Error::Usage(error.to_string()));
        let answer = match action.and_then(|action| act(&action, &mut run)) {
            Ok(()) => json!({"ok": true}),
            Err(error) => {
                let kind = match error {
                    Error::Usage(_) => "usage",
                    Error::Timeout(_) => "timeout",
                    _ => "value",
                };
                json!({"error": {"kind": kind, "message": error.to_string()}})
            }
        };
        println!("{answer}");
    }
}
