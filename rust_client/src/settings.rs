//! Owns what a person can set: `Options`, the environment behind it, and the checks of names.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::errors::Error;
use crate::values::Values;

const ID_FORBIDDEN: &str = "/\\#?%:;,";
const PROJECT_FORBIDDEN: &str = "/\\#?%:";
const NAME_CHARACTERS_MAX: usize = 128;
const TAG_CHARACTERS_MAX: usize = 64;
const ID_CHARACTERS: usize = 8;
const ID_ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const RANK_VARIABLES: [&str; 4] = ["RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"];
const CAPTURES: [&str; 4] = ["git", "diff", "packages", "program"];
/// After 600 s without a word the daemon takes a writer as gone.
const LIFE: Duration = Duration::from_secs(200);
const FINISH_TIMEOUT: Duration = Duration::from_secs(30);
const BUFFER_BYTES_MAX: usize = 256 << 20;

/// What a run does with what it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The run is written, and its end is this process's end.
    #[default]
    Online,
    /// Several equal processes write the run under one id; it ends with the last of them.
    Shared,
    /// Every call checks what it is given and does nothing else.
    Disabled,
}

impl FromStr for Mode {
    type Err = Error;

    /// Reads "online", "shared" or "disabled".
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "online" | "run" => Ok(Mode::Online),
            "shared" => Ok(Mode::Shared),
            "disabled" => Ok(Mode::Disabled),
            "offline" | "dryrun" => Err(Error::Usage(format!(
                "mode is {text:?}; this client keeps nothing on the disk and can be online, shared or disabled: use online, which waits for a daemon"
            ))),
            _ => {
                Err(Error::Usage(format!("mode is {text:?}; it can be online, shared or disabled: choose one of them")))
            }
        }
    }
}

/// A function that is told, in one sentence, what the caller of `log` is not.
pub(crate) type OnWarning = Arc<dyn Fn(&str) + Send + Sync>;

/// Everything that can be set of a run; everything has a default. [`init`](crate::init) opens the run.
///
/// ```
/// # fn main() -> Result<(), trackd::Error> {
/// let run = trackd::Options::new().project("demo").config([("lr", 0.1)]).mode(trackd::Mode::Disabled).init()?;
/// run.log([("loss", 0.3)])?;
/// run.finish(0)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Options {
    project: Option<String>,
    id: Option<String>,
    name: Option<String>,
    config: Values,
    tags: Vec<String>,
    group: Option<String>,
    job_type: Option<String>,
    notes: Option<String>,
    label: Option<String>,
    mode: Option<Mode>,
    store: Option<PathBuf>,
    address: Option<String>,
    token: Option<String>,
    start_daemon: Option<bool>,
    finish_timeout: Option<Duration>,
    life: Option<Duration>,
    buffer_bytes_max: Option<usize>,
    quiet: Option<bool>,
    on_warning: Option<OnWarning>,
}

impl Options {
    /// Makes options that leave everything to the environment and to the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the run; the same as [`init`](crate::init).
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when a name cannot be one, [`Error::Value`] when a value of the config cannot be kept.
    pub fn init(self) -> Result<crate::Run, Error> {
        crate::init(self)
    }

    /// Sets the project, 1 to 128 characters without `/ \ # ? % :`. By default `TRACKD_PROJECT`, else the name of the git
    /// repository around the working folder, else "uncategorized".
    pub fn project(mut self, project: impl Into<String>) -> Self {
        self.project = Some(project.into());
        self
    }

    /// Sets the run's id, unique in the project, 1 to 128 characters without `/ \ # ? % : ; ,`. By default `TRACKD_RUN_ID`,
    /// else 8 random letters and digits. An id that is there already adds a writer to that run.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the display name; by default `TRACKD_NAME`, else none.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the experiment's settings. The daemon removes what it knows to be a secret.
    pub fn config(mut self, config: impl Into<Values>) -> Self {
        self.config = config.into();
        self
    }

    /// Sets the tags, 1 to 64 characters each.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// Sets a name that several runs share.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Sets what kind of run this is, for example "train".
    pub fn job_type(mut self, job_type: impl Into<String>) -> Self {
        self.job_type = Some(job_type.into());
        self
    }

    /// Sets longer words about the run.
    pub fn notes(mut self, notes: impl Into<String>) -> Self {
        self.notes = Some(notes.into());
        self
    }

    /// Sets the label of this writer in the run; by default `TRACKD_LABEL`, else "rank N" in a distributed job.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Sets the mode; by default `TRACKD_MODE`, else online.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Sets the store's folder, whose daemon takes the run; by default `TRACKD_STORE`, else `~/.local/state/trackd`.
    pub fn store(mut self, store: impl Into<PathBuf>) -> Self {
        self.store = Some(store.into());
        self
    }

    /// Sets the address of a daemon elsewhere, `host:port` or `unix:/path`; by default `TRACKD_GRPC_ADDRESS`, else the one
    /// that the store's daemon has written down. Needs a token.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Sets the token of that daemon; by default `TRACKD_TOKEN`.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets whether `trackd up` is run when the store has no daemon; by default it is.
    pub fn start_daemon(mut self, start_daemon: bool) -> Self {
        self.start_daemon = Some(start_daemon);
        self
    }

    /// Sets how long `finish` waits at most; by default 30 seconds.
    pub fn finish_timeout(mut self, timeout: Duration) -> Self {
        self.finish_timeout = Some(timeout);
        self
    }

    /// Sets how long the run may be silent before it sends a sign of life.
    #[cfg(test)]
    pub(crate) fn life(mut self, life: Duration) -> Self {
        self.life = Some(life);
        self
    }

    /// Sets how many bytes wait in memory for the daemon at most; by default 256 MiB. What comes beyond is dropped, counted and
    /// warned of.
    pub fn buffer_bytes_max(mut self, bytes: usize) -> Self {
        self.buffer_bytes_max = Some(bytes);
        self
    }

    /// Sets whether the lines at start and end are left out; by default `TRACKD_QUIET`, else they are not.
    pub fn quiet(mut self, quiet: bool) -> Self {
        self.quiet = Some(quiet);
        self
    }

    /// Sets what is told of losses and of a daemon that does not answer, in one sentence each and from any thread; by default
    /// it is a line on stderr.
    pub fn on_warning(mut self, on_warning: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_warning = Some(Arc::new(on_warning));
        self
    }
}

/// Where a daemon is that no endpoint file names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Elsewhere {
    pub address: String,
    pub token: String,
}

/// The options of a run with the environment and the defaults behind them, checked.
pub(crate) struct Settings {
    pub project: String,
    pub id: String,
    pub name: Option<String>,
    pub config: Values,
    pub tags: Vec<String>,
    pub group: Option<String>,
    pub job_type: Option<String>,
    pub notes: Option<String>,
    pub label: String,
    /// What this machine is called.
    pub host: String,
    pub mode: Mode,
    pub store: PathBuf,
    pub elsewhere: Option<Elsewhere>,
    pub start_daemon: bool,
    pub finish_timeout: Duration,
    /// Without a word for so long, a sign of life is sent.
    pub life: Duration,
    pub buffer_bytes_max: usize,
    pub quiet: bool,
    pub captures_git: bool,
    pub captures_diff: bool,
    pub captures_anything: bool,
    pub on_warning: OnWarning,
}

impl Settings {
    /// Makes settings of options; `environment` returns a variable's text.
    pub fn new(options: Options, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let raw = |name: &str| environment(name).filter(|text| !text.is_empty());
        let variable = |name: &str| raw(&format!("TRACKD_{name}")).or_else(|| raw(&format!("WANDB_{name}")));
        let mode = match options.mode {
            Some(mode) => mode,
            None => variable("MODE").map_or(Ok(Mode::Online), |text| text.parse())?,
        };
        let project = options.project.or_else(|| variable("PROJECT")).unwrap_or_else(default_project);
        check_name("project", &project, PROJECT_FORBIDDEN)?;
        let id = options.id.or_else(|| variable("RUN_ID")).unwrap_or_else(random_id);
        check_name("run id", &id, ID_FORBIDDEN)?;
        let captures = read_captures(variable("CAPTURES"))?;
        let has_capture = |name: &str| captures.iter().any(|each| each == name);
        Ok(Self {
            tags: check_tags(options.tags)?,
            name: options.name.or_else(|| variable("NAME")),
            config: options.config,
            group: options.group,
            job_type: options.job_type,
            notes: options.notes,
            label: options.label.or_else(|| variable("LABEL")).unwrap_or_else(|| rank_label(environment)),
            host: variable("HOST").unwrap_or_else(crate::process::host),
            mode,
            store: options.store.map_or_else(|| default_store(&raw), |store| absolute(&store, &raw)),
            elsewhere: elsewhere(
                options.address.or_else(|| raw("TRACKD_GRPC_ADDRESS")),
                options.token.or_else(|| raw("TRACKD_TOKEN")),
            )?,
            start_daemon: options.start_daemon.unwrap_or(true),
            finish_timeout: options.finish_timeout.unwrap_or(FINISH_TIMEOUT),
            life: options.life.unwrap_or(LIFE),
            buffer_bytes_max: options.buffer_bytes_max.unwrap_or(BUFFER_BYTES_MAX),
            quiet: options.quiet.unwrap_or_else(|| is_truth(variable("QUIET")) || is_truth(variable("SILENT"))),
            captures_git: has_capture("git"),
            captures_diff: has_capture("diff"),
            captures_anything: !captures.is_empty(),
            on_warning: options.on_warning.unwrap_or_else(|| Arc::new(tell)),
            project,
            id,
        })
    }
}

/// Writes a line to stderr.
pub(crate) fn tell(sentence: &str) {
    use std::io::Write as _;
    // Not eprintln!, which panics when stderr is closed.
    let _ = writeln!(std::io::stderr(), "trackd: {sentence}");
}

/// Returns random bytes; zeros where the system has none.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _ = getrandom::fill(&mut bytes);
    bytes
}

/// Returns 32 random hexadecimal digits.
pub(crate) fn random_writer_id() -> String {
    random::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn random_id() -> String {
    // The remainder of 64 bits by 36 is as good as even.
    let letter = |_| ID_ALPHABET[(u64::from_le_bytes(random()) % ID_ALPHABET.len() as u64) as usize] as char;
    (0..ID_CHARACTERS).map(letter).collect()
}

fn check_name(what: &str, name: &str, forbidden: &str) -> Result<(), Error> {
    let count = name.chars().count();
    if !(1..=NAME_CHARACTERS_MAX).contains(&count) || name.trim().is_empty() {
        return Err(Error::Usage(format!(
            "{what} is {:?}, {count} characters; it can be 1 to {NAME_CHARACTERS_MAX} that are not all blank: choose another",
            name.chars().take(24).collect::<String>()
        )));
    }
    let is_bad = |each: &char| forbidden.contains(*each) || each.is_control() || (each.is_whitespace() && *each != ' ');
    if let Some(bad) = name.chars().find(is_bad) {
        return Err(Error::Usage(format!("{what} is {name:?}; it cannot hold {bad:?}: use letters, digits, - and _")));
    }
    Ok(())
}

/// Returns tags, each once, in order.
fn check_tags(tags: Vec<String>) -> Result<Vec<String>, Error> {
    let mut kept: Vec<String> = Vec::with_capacity(tags.len());
    for tag in tags {
        let count = tag.chars().count();
        if !(1..=TAG_CHARACTERS_MAX).contains(&count) {
            return Err(Error::Usage(format!(
                "tag is {:?}, {count} characters; a tag is 1 to {TAG_CHARACTERS_MAX}: shorten it, or put it into the notes",
                tag.chars().take(24).collect::<String>()
            )));
        }
        if !kept.contains(&tag) {
            kept.push(tag);
        }
    }
    Ok(kept)
}

fn elsewhere(address: Option<String>, token: Option<String>) -> Result<Option<Elsewhere>, Error> {
    let Some(address) = address else { return Ok(None) };
    crate::endpoint::check_address(&address)?;
    let Some(token) = token else {
        return Err(Error::Usage(format!(
            "address is {address:?} and there is no token; a daemon elsewhere needs one: give the token of its endpoint.json, or set TRACKD_TOKEN"
        )));
    };
    Ok(Some(Elsewhere { address, token }))
}

/// Returns what is to be found out about code and environment. Packages and program are captured by clients of other languages only.
fn read_captures(names: Option<String>) -> Result<Vec<String>, Error> {
    let names = names.unwrap_or_else(|| CAPTURES.join(","));
    if names == "none" {
        return Ok(Vec::new());
    }
    let captures: Vec<_> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match captures.iter().find(|name| !CAPTURES.contains(&name.as_str())) {
        Some(unknown) => Err(Error::Usage(format!(
            "TRACKD_CAPTURES has {unknown:?}; it can have {}, or be none: correct it",
            CAPTURES.join(", ")
        ))),
        None => Ok(captures),
    }
}

fn rank_label(environment: &dyn Fn(&str) -> Option<String>) -> String {
    let rank = RANK_VARIABLES.iter().find_map(|name| environment(name));
    rank.map_or_else(String::new, |rank| format!("rank {rank}"))
}

fn is_truth(text: Option<String>) -> bool {
    text.is_some_and(|text| ["1", "true", "yes", "on"].contains(&text.to_lowercase().as_str()))
}

/// Returns the name of the git repository around the working folder, else "uncategorized".
fn default_project() -> String {
    let folder = std::env::current_dir().unwrap_or_default();
    let root = folder.ancestors().find(|each| each.join(".git").exists()).and_then(Path::file_name);
    let name = clean_name(&root.unwrap_or_default().to_string_lossy());
    if name.trim().is_empty() { "uncategorized".into() } else { name }
}

/// Returns a name with what a project's name cannot hold replaced.
pub(crate) fn clean_name(name: &str) -> String {
    let cleaned = name.chars().map(|each| {
        let is_bad = PROJECT_FORBIDDEN.contains(each) || each.is_control() || (each.is_whitespace() && each != ' ');
        if is_bad { '-' } else { each }
    });
    cleaned.take(NAME_CHARACTERS_MAX).collect()
}

fn default_store(raw: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    if let Some(store) = raw("TRACKD_STORE") {
        return absolute(Path::new(&store), raw);
    }
    let state = raw("XDG_STATE_HOME").map_or_else(
        || Path::new(&raw("HOME").unwrap_or_else(|| "/".into())).join(".local").join("state"),
        PathBuf::from,
    );
    absolute(&state.join("trackd"), raw)
}

/// Returns a path from the root; `~` is the home folder.
fn absolute(path: &Path, raw: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let path = match (path.strip_prefix("~"), raw("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.to_owned(),
    };
    std::path::absolute(&path).unwrap_or(path)
}
