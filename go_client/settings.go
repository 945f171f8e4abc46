package trackd

import (
	"crypto/rand"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

// The modes of a run, for Options.Mode.
const (
	// ModeOnline is the default: this process is the run, and its end is the run's end.
	ModeOnline = "online"
	// ModeShared is for several equal processes that write one run under one id: the run ends with the last of them.
	ModeShared = "shared"
	// ModeDisabled keeps nothing: every call checks its arguments and does nothing.
	ModeDisabled = "disabled"
)

const (
	finishTimeoutDefault    = 30 * time.Second
	callTimeoutDefault      = 10 * time.Second
	silenceTimeDefault      = 5 * time.Second
	lifeTimeDefault         = 200 * time.Second // after 600 s without a word the daemon takes a writer as gone
	bufferBytesDefault      = 256 << 20
	nameCharactersMax       = 128
	tagCharactersMax        = 64
	idCharacters            = "abcdefghijklmnopqrstuvwxyz0123456789"
	idCharacterCount        = 8
	projectForbidden        = "/\\#?%:"
	idForbidden             = projectForbidden + ";,"
	projectWithoutAnyName   = "uncategorized"
	expandedHomePrefix      = "~" + string(filepath.Separator)
	addressForms            = "HOST:PORT or unix:/PATH"
	finishTimeoutMaximum    = math.MaxInt64 / 4 * time.Nanosecond
	bufferBytesMinimum      = 1 << 16
	capturesNone            = "none"
	modeOffline             = "offline"
	environmentPrefix       = "TRACKD_"
	environmentPrefixBefore = "WANDB_"
)

// Options are what Init takes. Each may be left out; most then come from the environment variable named with it, which falls
// back to the one of the same name with WANDB_ in front, but for the store, the address and the token.
type Options struct {
	// Project is the project, 1 to 128 characters without / \ # ? % and :. By default TRACKD_PROJECT, else the name of the
	// folder of the git repository around the working folder, else "uncategorized".
	Project string
	// ID is the run's id in the project, like Project and also without ; and , characters. By default TRACKD_RUN_ID, else 8
	// random letters and digits. Opening an id that exists adds a writer to that run.
	ID string
	// Name is the display name, TRACKD_NAME; the run is shown by its id where there is none.
	Name string
	// Config is the experiment's settings: values by top-level key, like Config.Update.
	Config Values
	// Tags are texts of 1 to 64 characters, TRACKD_TAGS with commas between.
	Tags []string
	// Group is a name that several runs share, TRACKD_RUN_GROUP.
	Group string
	// JobType is what kind of run this is, for example "train", TRACKD_JOB_TYPE.
	JobType string
	// Notes are longer words about the run, TRACKD_NOTES.
	Notes string
	// Label is a label of this process in the run, TRACKD_LABEL; by default "rank N" in a distributed job.
	Label string
	// Mode is ModeOnline (the default), ModeShared or ModeDisabled, TRACKD_MODE.
	Mode string
	// Store is the folder of the store whose daemon takes the run. By default TRACKD_STORE, else $XDG_STATE_HOME/trackd,
	// else ~/.local/state/trackd.
	Store string
	// Address is where a daemon listens that has no store on this host, HOST:PORT or unix:/PATH, TRACKD_GRPC_ADDRESS. It
	// needs Token, and no daemon is started.
	Address string
	// Token is the token of the daemon at Address, TRACKD_TOKEN.
	Token string
	// NoStartDaemon keeps the client from starting a daemon (`trackd up`, from PATH) for a store that has none.
	NoStartDaemon bool
	// FinishTimeout is how long Run.Finish may take, 30 seconds by default.
	FinishTimeout time.Duration
	// BufferBytesMax is how much memory records may take that the daemon has not acknowledged, 256 MiB by default and 64 KiB
	// at least; what is logged beyond it is dropped, with a warning.
	BufferBytesMax int64
	// Quiet leaves out the lines on stderr at the start, at the end and of alerts; warnings are told all the same.
	// TRACKD_QUIET.
	Quiet bool
	// OnWarning is told each warning, one sentence; by default it is a line on stderr. It may be called on any goroutine, and
	// should return soon.
	OnWarning func(sentence string)
}

// settings are Options with everything decided.
type settings struct {
	project, id, name string
	config            Values
	tags              []string
	group, jobType    string
	notes, label      string
	host              string // what this machine is called
	mode              string
	store             string
	address, token    string
	startDaemon       bool
	finishTimeout     time.Duration
	callTimeout       time.Duration
	lifeTime          time.Duration // without a word of the run, before a sign of life is sent
	silenceTime       time.Duration // without an answer, before the user is told
	bufferBytesMax    int64
	quiet             bool
	onWarning         func(string)
	captures          []pb.Capture
}

// resolveSettings decides what the options and the environment leave open. getenv is os.Getenv but in tests.
func resolveSettings(options Options, getenv func(string) string) (*settings, error) {
	variable := func(name string) string {
		return firstText(getenv(environmentPrefix+name), getenv(environmentPrefixBefore+name))
	}
	resolved := &settings{
		project:        firstText(options.Project, variable("PROJECT")),
		id:             firstText(options.ID, variable("RUN_ID")),
		name:           firstText(options.Name, variable("NAME")),
		config:         options.Config,
		group:          firstText(options.Group, variable("RUN_GROUP")),
		jobType:        firstText(options.JobType, variable("JOB_TYPE")),
		notes:          firstText(options.Notes, variable("NOTES")),
		label:          firstText(options.Label, variable("LABEL"), rankLabel(getenv)),
		host:           firstText(variable("HOST"), hostName()),
		mode:           firstText(options.Mode, variable("MODE"), ModeOnline),
		address:        firstText(options.Address, getenv("TRACKD_GRPC_ADDRESS")),
		token:          firstText(options.Token, getenv("TRACKD_TOKEN")),
		finishTimeout:  options.FinishTimeout,
		callTimeout:    callTimeoutDefault,
		lifeTime:       lifeTimeDefault,
		silenceTime:    silenceTimeDefault,
		bufferBytesMax: options.BufferBytesMax,
		quiet:          options.Quiet || isTrue(variable("QUIET")) || isTrue(variable("SILENT")),
		onWarning:      options.OnWarning,
	}
	resolved.startDaemon = !options.NoStartDaemon && resolved.address == ""
	if resolved.project == "" {
		resolved.project = defaultProject()
	}
	if resolved.id == "" {
		resolved.id = randomID()
	}
	if resolved.onWarning == nil {
		resolved.onWarning = tell
	}
	tags := options.Tags
	if tags == nil {
		tags = splitNames(variable("TAGS"))
	}
	var err error
	if resolved.tags, err = checkTags(tags); err != nil {
		return nil, err
	}
	if resolved.captures, err = readCaptures(variable("CAPTURES")); err != nil {
		return nil, err
	}
	if resolved.store, err = storeFolder(firstText(options.Store, getenv("TRACKD_STORE")), getenv); err != nil {
		return nil, err
	}
	return resolved, resolved.check()
}

func (s *settings) check() error {
	switch s.mode {
	case "run":
		s.mode = ModeOnline
	case ModeOnline, ModeShared, ModeDisabled:
	case modeOffline, "dryrun":
		return usageErrorf(
			"mode is %q; this client keeps nothing on disk, so it can be online, shared or disabled: start a daemon with `trackd up`", s.mode)
	default:
		return usageErrorf("mode is %q; it can be online, shared or disabled: choose one of them", s.mode)
	}
	if err := checkName("project", s.project, projectForbidden); err != nil {
		return err
	}
	if err := checkName("run id", s.id, idForbidden); err != nil {
		return err
	}
	for what, text := range map[string]string{
		"name": s.name, "group": s.group, "job type": s.jobType, "notes": s.notes, "label": s.label,
	} {
		if !utf8.ValidString(text) {
			return usageErrorf("%s is %q; it is no valid UTF-8: give it as text", what, text)
		}
		if len(text) > textBytesMax {
			return usageErrorf("%s is %d bytes; the limit is %d: shorten it", what, len(text), textBytesMax)
		}
	}
	if s.address != "" {
		if _, _, err := splitAddress(s.address); err != nil {
			return err
		}
		if s.token == "" {
			return usageErrorf("address is %q and there is no token; a daemon answers to its token only: give Token, or TRACKD_TOKEN", s.address)
		}
	}
	switch {
	case s.finishTimeout < 0 || s.finishTimeout > finishTimeoutMaximum:
		return usageErrorf("finish timeout is %v; it must be positive: leave it out for 30 s", s.finishTimeout)
	case s.finishTimeout == 0:
		s.finishTimeout = finishTimeoutDefault
	}
	switch {
	case s.bufferBytesMax == 0:
		s.bufferBytesMax = bufferBytesDefault
	case s.bufferBytesMax < bufferBytesMinimum:
		return usageErrorf("buffer is %d bytes; it must be %d at least: leave it out for 256 MiB", s.bufferBytesMax, bufferBytesMinimum)
	}
	return nil
}

func (s *settings) role() pb.WriterRole {
	if s.mode == ModeShared {
		return pb.WriterRole_WRITER_ROLE_SHARED
	}
	return pb.WriterRole_WRITER_ROLE_PRIMARY
}

// tell writes a line to stderr, as warnings are told by default.
func tell(sentence string) {
	_, _ = os.Stderr.WriteString("trackd: " + sentence + "\n")
}

func firstText(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func isTrue(text string) bool {
	return slices.Contains([]string{"1", "true", "yes", "on"}, strings.ToLower(text))
}

func hostName() string {
	name, _ := os.Hostname()
	return name
}

func rankLabel(getenv func(string) string) string {
	for _, name := range []string{"RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"} {
		if rank := getenv(name); rank != "" {
			return "rank " + rank
		}
	}
	return ""
}

func defaultProject() string {
	folder, err := os.Getwd()
	for above := ""; err == nil && folder != above; folder, above = filepath.Dir(folder), folder {
		if _, missing := os.Stat(filepath.Join(folder, ".git")); missing == nil {
			return firstText(cleanName(filepath.Base(folder)), projectWithoutAnyName)
		}
	}
	return projectWithoutAnyName
}

// cleanName replaces what a project's name cannot hold by "-".
func cleanName(name string) string {
	characters := []rune(strings.ToValidUTF8(name, "-"))
	for position, character := range characters {
		if strings.ContainsRune(projectForbidden, character) || !unicode.IsPrint(character) {
			characters[position] = '-'
		}
	}
	return strings.TrimSpace(string(characters[:min(len(characters), nameCharactersMax)]))
}

func checkName(what, name, forbidden string) error {
	count := utf8.RuneCountInString(name)
	if count > nameCharactersMax || strings.TrimSpace(name) == "" {
		shown := []rune(name)
		return usageErrorf("%s is %d characters, %q; it can be 1 to %d: choose another one",
			what, count, string(shown[:min(count, 24)]), nameCharactersMax)
	}
	for _, character := range name {
		if character == utf8.RuneError || strings.ContainsRune(forbidden, character) || !unicode.IsPrint(character) {
			return usageErrorf("%s is %q; it cannot hold %q: use letters, digits, - and _", what, name, character)
		}
	}
	return nil
}

// checkTags returns the tags, each once, in order.
func checkTags(tags []string) ([]string, error) {
	var once []string
	for _, tag := range tags {
		if count := utf8.RuneCountInString(tag); count < 1 || count > tagCharactersMax || !utf8.ValidString(tag) {
			return nil, usageErrorf("tag is %q; a tag is a text of 1 to %d characters: shorten it or leave it out", tag, tagCharactersMax)
		}
		if !slices.Contains(once, tag) {
			once = append(once, tag)
		}
	}
	return once, nil
}

// readCaptures reads TRACKD_CAPTURES. Packages and program are captured by clients of other languages only.
func readCaptures(names string) ([]pb.Capture, error) {
	if names == capturesNone {
		return nil, nil
	}
	var captures []pb.Capture
	for _, name := range splitNames(firstText(names, "git,diff")) {
		switch name {
		case "git":
			captures = append(captures, pb.Capture_CAPTURE_GIT)
		case "diff":
			captures = append(captures, pb.Capture_CAPTURE_DIFF)
		case "packages", "program":
		default:
			return nil, usageErrorf("TRACKD_CAPTURES has %q; it can be none, or have git, diff, packages and program: correct it", name)
		}
	}
	return captures, nil
}

func splitNames(text string) []string {
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// storeFolder returns the absolute path of the store's folder; it need not exist.
func storeFolder(asked string, getenv func(string) string) (string, error) {
	folder := asked
	if asked == "" {
		folder = filepath.Join("~", ".local", "state", "trackd")
		if state := getenv("XDG_STATE_HOME"); state != "" {
			folder = filepath.Join(state, "trackd")
		}
	}
	if rest, isInHome := strings.CutPrefix(folder, expandedHomePrefix); isInHome || folder == "~" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", usageErrorf("store is %q and the home folder is not known (%v); name a folder: set TRACKD_STORE", folder, err)
		}
		folder = filepath.Join(home, strings.TrimPrefix(rest, "~"))
	}
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return "", usageErrorf("store is %q, and the working folder is gone (%v): give an absolute path", folder, err)
	}
	return absolute, nil
}

func randomID() string {
	// 252 is the largest multiple of 36 in a byte: bytes above it would make some characters likelier.
	id := make([]byte, 0, idCharacterCount)
	for len(id) < idCharacterCount {
		var chance [1]byte
		_, _ = rand.Read(chance[:])
		if chance[0] < 252 {
			id = append(id, idCharacters[int(chance[0])%len(idCharacters)])
		}
	}
	return string(id)
}

func randomWriterID() string {
	var chance [16]byte
	_, _ = rand.Read(chance[:])
	return hex.EncodeToString(chance[:])
}
