//! Options, the environment behind them, and the checks of names.

use std::collections::HashMap;
use std::path::Path;

use crate::errors::Error;
use crate::settings::{Elsewhere, Mode, Options, Settings, clean_name};

fn settings(options: Options, environment: &[(&str, &str)]) -> Result<Settings, Error> {
    let variables: HashMap<_, _> = environment.iter().copied().collect();
    Settings::new(options, &|name| variables.get(name).map(|text| (*text).to_owned()))
}

fn made(environment: &[(&str, &str)]) -> Settings {
    settings(Options::new(), environment).unwrap()
}

fn usage(options: Options, environment: &[(&str, &str)]) -> String {
    match settings(options, environment).map(|_| ()) {
        Err(Error::Usage(sentence)) => sentence,
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_win_over_the_environment_and_that_over_the_defaults() {
    let environment = [
        ("TRACKD_PROJECT", "p"),
        ("WANDB_PROJECT", "not this"),
        ("WANDB_RUN_ID", "r"),
        ("TRACKD_NAME", "n"),
        ("TRACKD_LABEL", "l"),
        ("TRACKD_QUIET", "true"),
        ("TRACKD_MODE", "shared"),
        ("RANK", "3"),
    ];
    let found = made(&environment);
    assert_eq!((found.project.as_str(), found.id.as_str(), found.name.as_deref()), ("p", "r", Some("n")));
    assert_eq!((found.label.as_str(), found.quiet, found.mode), ("l", true, Mode::Shared));
    let options = Options::new().project("q").id("s").name("m").label("k").quiet(false).mode(Mode::Online);
    let found = settings(options, &environment).unwrap();
    assert_eq!((found.project.as_str(), found.id.as_str(), found.name.as_deref()), ("q", "s", Some("m")));
    assert_eq!((found.label.as_str(), found.quiet, found.mode), ("k", false, Mode::Online));
}

#[test]
fn the_defaults() {
    let found = made(&[("SLURM_PROCID", "2"), ("TRACKD_NAME", "")]);
    assert_eq!((found.label.as_str(), found.name, found.mode), ("rank 2", None, Mode::Online));
    assert!(found.id.len() == 8 && found.id.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit()));
    assert_ne!(found.id, made(&[]).id);
    assert!(found.start_daemon && found.captures_git && found.captures_diff && found.captures_anything);
    assert_eq!((found.finish_timeout.as_secs(), found.buffer_bytes_max), (30, 256 << 20));
    assert_eq!(found.elsewhere, None);
}

#[test]
fn captures_are_chosen_by_name() {
    let found = made(&[("TRACKD_CAPTURES", "none")]);
    assert!(!found.captures_git && !found.captures_diff && !found.captures_anything);
    let found = made(&[("TRACKD_CAPTURES", "git, packages")]);
    assert!(found.captures_git && !found.captures_diff && found.captures_anything);
    assert!(usage(Options::new(), &[("TRACKD_CAPTURES", "git,guts")]).contains("\"guts\""));
}

#[test]
fn the_store_is_where_the_environment_says() {
    assert_eq!(made(&[("TRACKD_STORE", "/a"), ("HOME", "/h")]).store, Path::new("/a"));
    assert_eq!(made(&[("TRACKD_STORE", "~/a"), ("HOME", "/h")]).store, Path::new("/h/a"));
    assert_eq!(made(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]).store, Path::new("/s/trackd"));
    assert_eq!(made(&[("HOME", "/h"), ("WANDB_STORE", "/w")]).store, Path::new("/h/.local/state/trackd"));
    let found = settings(Options::new().store("relative"), &[]).unwrap();
    assert_eq!(found.store, std::env::current_dir().unwrap().join("relative"));
}

#[test]
fn names_that_cannot_be_are_refused_with_what_was_seen() {
    for bad in ["", "   ", "a/b", "a:b", "a\nb", "a\u{2028}b", &"x".repeat(129)] {
        assert!(usage(Options::new().project(bad), &[]).starts_with("project is "), "{bad:?}");
        assert!(usage(Options::new().id(bad), &[]).starts_with("run id is "), "{bad:?}");
    }
    assert!(usage(Options::new().id("a;b"), &[]).contains("';'"));
    settings(Options::new().project("a;b ü").id("ü".repeat(128)), &[]).unwrap();
    assert!(usage(Options::new().tags(["ok", ""]), &[]).contains("0 characters"));
    assert!(usage(Options::new().tags(["x".repeat(65)]), &[]).contains("65 characters"));
    assert_eq!(settings(Options::new().tags(["a", "b", "a"]), &[]).unwrap().tags, ["a", "b"]);
}

#[test]
fn modes_are_read_from_text() {
    let said = usage(Options::new(), &[("TRACKD_MODE", "offline")]);
    assert!(said.contains("\"offline\"") && said.contains("keeps nothing on the disk"), "{said}");
    assert!(usage(Options::new(), &[("WANDB_MODE", "sometimes")]).contains("\"sometimes\""));
    assert_eq!(made(&[("TRACKD_MODE", "disabled")]).mode, Mode::Disabled);
}

#[test]
fn an_address_needs_a_token() {
    assert!(usage(Options::new().address("host:1"), &[]).contains("there is no token"));
    assert!(usage(Options::new().address("nowhere").token("t"), &[]).contains("\"nowhere\""));
    let found = made(&[("TRACKD_GRPC_ADDRESS", "unix:/x"), ("TRACKD_TOKEN", "t")]);
    assert_eq!(found.elsewhere, Some(Elsewhere { address: "unix:/x".into(), token: "t".into() }));
    assert_eq!(made(&[("TRACKD_TOKEN", "t")]).elsewhere, None);
}

#[test]
fn the_name_of_a_folder_becomes_a_project() {
    assert_eq!(clean_name("a:b\tc"), "a-b-c");
    assert_eq!(clean_name(&"x".repeat(200)).len(), 128);
    // This repository's folder, or whatever the clone is called.
    assert!(!made(&[]).project.is_empty());
}
