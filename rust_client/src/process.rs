//! Owns what is said of this process and of where it runs. Its arguments are not: they may hold secrets.

use crate::columns::entries;
use crate::entries::Leaf;
use crate::settings::{Mode, Settings, random_writer_id};
use crate::wire;

/// Returns how the run is opened by a new writer.
pub(crate) fn begin(settings: &Settings) -> wire::WriterBegin {
    let role = if settings.mode == Mode::Shared { wire::WriterRole::Shared } else { wire::WriterRole::Primary };
    let mut captures = Vec::new();
    if settings.captures_git {
        captures.push(wire::Capture::Git as i32);
    }
    if settings.captures_diff {
        captures.push(wire::Capture::Diff as i32);
    }
    wire::WriterBegin {
        run: Some(wire::RunIdentity { project: settings.project.clone(), run_id: settings.id.clone() }),
        writer_id: random_writer_id(),
        role: role as i32,
        start: Some(wire::RunUpdate {
            name: settings.name.clone(),
            notes: settings.notes.clone(),
            tags: (!settings.tags.is_empty()).then(|| wire::TagList { tags: settings.tags.clone() }),
            group: settings.group.clone(),
            job_type: settings.job_type.clone(),
            preempting: None,
            archived: None,
        }),
        process: Some(wire::Process {
            pid: i64::from(std::process::id()),
            host: settings.host.clone(),
            program: std::env::args_os().next().unwrap_or_default().to_string_lossy().into_owned(),
            arguments: Vec::new(),
            boot_id: file("/proc/sys/kernel/random/boot_id"),
        }),
        settings: Some(wire::RunSettings { captures, ..Default::default() }),
        label: settings.label.clone(),
        client: format!("rust {}", crate::VERSION),
        ..Default::default()
    }
}

/// Returns what is known of code and environment. A daemon elsewhere is not told the folder: under that name it has another.
pub(crate) fn environment(is_here: bool) -> wire::record::Kind {
    let folder = std::env::current_dir().unwrap_or_default().to_string_lossy().into_owned();
    let facts = [
        ("rust.version", env!("TRACKD_RUSTC_VERSION").to_owned()),
        ("os.name", operating_system()),
        ("process.folder", folder.clone()),
    ];
    let known = facts.into_iter().filter(|(_, text)| !text.is_empty());
    let folder = if is_here { folder.clone() } else { String::new() };
    let facts = entries(known.map(|(key, text)| (key.to_owned(), Leaf::Text(text))).collect());
    wire::record::Kind::Environment(wire::Environment { facts, folder, ..Default::default() })
}

/// Returns the system, its release and the machine, for example "Linux 6.1.0 x86_64".
fn operating_system() -> String {
    let name = match file("/proc/sys/kernel/ostype") {
        name if name.is_empty() => std::env::consts::OS.to_owned(),
        name => format!("{name} {}", file("/proc/sys/kernel/osrelease")),
    };
    format!("{name} {}", std::env::consts::ARCH)
}

/// Returns the name that the system gives this machine.
pub(crate) fn host() -> String {
    let name = file("/proc/sys/kernel/hostname");
    if !name.is_empty() {
        return name;
    }
    let variables = ["HOSTNAME", "COMPUTERNAME"];
    variables.into_iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default()
}

fn file(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
