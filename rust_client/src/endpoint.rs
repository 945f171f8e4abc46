//! Owns how the daemon of a store is found and started: `endpoint.json`, the forms of an address, `trackd up`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::errors::Error;
use crate::settings::Elsewhere;

/// Where a daemon listens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Endpoint {
    pub grpc_address: String,
    pub http_address: String,
    pub token: String,
}

impl From<&Elsewhere> for Endpoint {
    fn from(elsewhere: &Elsewhere) -> Self {
        Self { grpc_address: elsewhere.address.clone(), http_address: String::new(), token: elsewhere.token.clone() }
    }
}

/// Returns where the store's daemon listens; none while no daemon has said so.
pub(crate) fn read(store: &Path) -> Option<Endpoint> {
    let text = std::fs::read_to_string(store.join("endpoint.json")).ok()?;
    let data: serde_json::Value = serde_json::from_str(&text).ok()?;
    let field = |name: &str| data.get(name)?.as_str().map(str::to_owned);
    Some(Endpoint {
        grpc_address: field("grpc_address")?,
        http_address: field("http_address").unwrap_or_default(),
        token: field("token")?,
    })
}

/// Checks that an address is `host:port` or `unix:/path`.
pub(crate) fn check_address(address: &str) -> Result<(), Error> {
    let is_good = match address.strip_prefix("unix:") {
        Some(path) => path.starts_with('/'),
        None => address.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|port| port > 0)
        }),
    };
    if is_good {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "address is {address:?}; it can be host:port or unix:/path: give the grpc_address of the daemon's endpoint.json"
    )))
}

/// Returns an address as tonic takes it.
pub(crate) fn uri(address: &str) -> String {
    if address.starts_with("unix:") { address.to_owned() } else { format!("http://{address}") }
}

/// Returns the address of a run's page.
pub(crate) fn page(http_address: &str, project: &str, id: &str) -> String {
    format!("{http_address}/p/{}/r/{}", quote(project), quote(id))
}

/// Returns a text as it may stand in an address, between slashes.
fn quote(text: &str) -> String {
    let quoted = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    quoted.collect()
}

/// Returns where `trackd` is on a search path; none when it is not.
pub(crate) fn find_trackd(path: &OsStr) -> Option<PathBuf> {
    let found = std::env::split_paths(path).map(|folder| folder.join("trackd")).find(|file| is_executable(file));
    found.map(|file| std::path::absolute(&file).unwrap_or(file))
}

/// Runs `trackd up` for a store and returns at once; the daemon holds nothing of this process. When one lives already, nothing
/// happens.
pub(crate) fn start(trackd: &Path, store: &Path) -> std::io::Result<()> {
    // The shell ends at once and leaves no child behind that somebody would have to wait for.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", r#""$0" up --store "$1" >/dev/null 2>&1 </dev/null &"#]).arg(trackd).arg(store);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0); // Ctrl-C is not for the daemon
    command.status().map(|_| ())
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}
