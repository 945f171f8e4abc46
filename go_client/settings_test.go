package trackd

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func variables(pairs ...string) func(string) string {
	return func(name string) string {
		for position := 0; position < len(pairs); position += 2 {
			if pairs[position] == name {
				return pairs[position+1]
			}
		}
		return ""
	}
}

func TestDefaults(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a project: of mine")
	if err := os.MkdirAll(filepath.Join(folder, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "inner"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(folder, "inner"))
	chosen, err := resolveSettings(Options{}, variables("XDG_STATE_HOME", "/state"))
	if err != nil {
		t.Fatal(err)
	}
	if chosen.project != "a project- of mine" || chosen.store != "/state/trackd" || chosen.mode != ModeOnline || !chosen.startDaemon {
		t.Errorf("settings are %+v", chosen)
	}
	if !regexp.MustCompile("^[a-z0-9]{8}$").MatchString(chosen.id) || chosen.name != "" || chosen.label != "" {
		t.Errorf("settings are %+v", chosen)
	}
	if chosen.finishTimeout != 30*time.Second || chosen.bufferBytesMax != 256<<20 || chosen.role() != pb.WriterRole_WRITER_ROLE_PRIMARY {
		t.Errorf("settings are %+v", chosen)
	}
	if want := []pb.Capture{pb.Capture_CAPTURE_GIT, pb.Capture_CAPTURE_DIFF}; !reflect.DeepEqual(chosen.captures, want) {
		t.Errorf("captures are %v", chosen.captures)
	}
}

func TestEnvironment(t *testing.T) {
	chosen, err := resolveSettings(Options{Name: "given"}, variables(
		"TRACKD_PROJECT", "p", "WANDB_PROJECT", "q", "WANDB_RUN_ID", "id", "TRACKD_NAME", "n", "RANK", "3", "WANDB_MODE", "shared",
		"TRACKD_STORE", "/store", "TRACKD_QUIET", "True", "TRACKD_CAPTURES", "none", "TRACKD_TAGS", "a, b,a", "TRACKD_NOTES", "words",
		"TRACKD_GRPC_ADDRESS", "unix:/x", "TRACKD_TOKEN", "token"))
	if err != nil {
		t.Fatal(err)
	}
	if chosen.project != "p" || chosen.id != "id" || chosen.name != "given" || chosen.label != "rank 3" || chosen.notes != "words" ||
		chosen.mode != ModeShared || chosen.role() != pb.WriterRole_WRITER_ROLE_SHARED || chosen.store != "/store" || !chosen.quiet ||
		chosen.captures != nil || !reflect.DeepEqual(chosen.tags, []string{"a", "b"}) || chosen.startDaemon {
		t.Errorf("settings are %+v", chosen)
	}
	if found, err := findEndpoint(chosen); err != nil || found != (endpoint{"unix:/x", "token"}) {
		t.Errorf("endpoint is %v (%v)", found, err)
	}
}

func TestWhatIsNotAllowed(t *testing.T) {
	none := variables()
	for name, test := range map[string]struct {
		options Options
		getenv  func(string) string
		says    []string
	}{
		"offline":        {Options{Mode: "offline"}, none, []string{"offline", "disk"}},
		"dryrun":         {Options{}, variables("WANDB_MODE", "dryrun"), []string{"dryrun"}},
		"mode":           {Options{Mode: "x"}, none, []string{`"x"`, "online"}},
		"project":        {Options{Project: "a/b"}, none, []string{"a/b", "'/'"}},
		"long project":   {Options{Project: strings.Repeat("p", 129)}, none, []string{"129", "128"}},
		"blank project":  {Options{Project: "  "}, none, []string{"project"}},
		"id":             {Options{ID: "a;b"}, none, []string{"a;b", "';'"}},
		"id of lines":    {Options{ID: "a\nb"}, none, []string{`\n`}},
		"id of bytes":    {Options{ID: "a\xff"}, none, []string{"id"}},
		"tag":            {Options{Tags: []string{"a", ""}}, none, []string{`""`, "64"}},
		"long tag":       {Options{Tags: []string{strings.Repeat("t", 65)}}, none, []string{"64"}},
		"name":           {Options{Name: "a\xff"}, none, []string{"name", "UTF-8"}},
		"notes":          {Options{Notes: strings.Repeat("n", 1<<20+1)}, none, []string{"notes", "1048577"}},
		"address":        {Options{Address: "nowhere", Token: "t"}, none, []string{"nowhere", "HOST:PORT"}},
		"no token":       {Options{Address: "localhost:1"}, none, []string{"localhost:1", "TRACKD_TOKEN"}},
		"finish timeout": {Options{FinishTimeout: -1}, none, []string{"-1ns"}},
		"small buffer":   {Options{BufferBytesMax: 5}, none, []string{"5", "65536"}},
		"captures":       {Options{}, variables("TRACKD_CAPTURES", "git,x"), []string{`"x"`}},
	} {
		t.Run(name, func(t *testing.T) {
			run, err := initialize(test.options, test.getenv, nil)
			var usage *UsageError
			if run != nil || !errors.As(err, &usage) || !contains([]string{err.Error()}, test.says...) {
				t.Errorf("the error is %v; it must say %q", err, test.says)
			}
		})
	}
}

func TestStoreInTheHomeFolder(t *testing.T) {
	t.Setenv("HOME", "/home/somebody")
	for asked, want := range map[string]string{"": "/home/somebody/.local/state/trackd", "~/x": "/home/somebody/x", "~": "/home/somebody", "/a/../b": "/b"} {
		if found, err := storeFolder(asked, variables()); err != nil || found != want {
			t.Errorf("store %q is %q (%v)", asked, found, err)
		}
	}
}

func TestFormsOfAddresses(t *testing.T) {
	for address, want := range map[string][2]string{
		"localhost:80": {"tcp", "localhost:80"}, "[::1]:80": {"tcp", "[::1]:80"},
		"unix:/tmp/a b%20?#.sock": {"unix", "/tmp/a b%20?#.sock"}, "unix:///tmp/x": {"unix", "/tmp/x"},
	} {
		network, place, err := splitAddress(address)
		if err != nil || network != want[0] || place != want[1] {
			t.Errorf("%q is %q %q (%v)", address, network, place, err)
		}
	}
	for _, address := range []string{"", "localhost", ":80", "unix:", "unix://", "http://localhost:80"} {
		if _, _, err := splitAddress(address); err == nil {
			t.Errorf("%q is an address", address)
		}
	}
}

func TestEndpointFile(t *testing.T) {
	folder := t.TempDir()
	chosen := &settings{store: folder}
	for _, content := range []string{"", "{", `{"grpc_address": 5}`, `{"token": "x"}`, `{"grpc_address": "nowhere"}`} {
		if content != "" {
			if err := os.WriteFile(filepath.Join(folder, "endpoint.json"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := findEndpoint(chosen); status.Code(err) != codes.Unavailable {
			t.Errorf("%q gives %v", content, err)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	f := newFake(t)
	path := filepath.Join(t.TempDir(), "a socket%20?#")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(f.intercept))
	pb.RegisterRunServiceServer(server, f)
	pb.RegisterIngestServiceServer(server, f)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	told := &warnings{}
	run, err := initialize(Options{Address: "unix:" + path, Token: fakeToken, Quiet: true, OnWarning: told.add}, noEnvironment, nil)
	if err != nil {
		t.Fatal(err)
	}
	logNumbers(t, run, 0, 10)
	finish(t, run)
	checkNumbers(t, f.storedRows(), 10)
}

// TestDaemonIsStarted has a script in the place of `trackd`: it tells of a daemon, as the real one does.
func TestDaemonIsStarted(t *testing.T) {
	f := newFake(t)
	folder := t.TempDir()
	if err := os.Rename(filepath.Join(f.store, "endpoint.json"), filepath.Join(folder, "endpoint.json")); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\n[ \"$1 $2\" = 'up --store' ] && cp '" + folder + "/endpoint.json' \"$3/endpoint.json\"\n"
	if err := os.WriteFile(filepath.Join(folder, "trackd"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	told := &warnings{}
	run, err := initialize(Options{Store: f.store, Quiet: true, OnWarning: told.add}, noEnvironment, nil)
	if err != nil {
		t.Fatal(err)
	}
	logNumbers(t, run, 0, 10)
	finish(t, run)
	checkNumbers(t, f.storedRows(), 10)
	if len(told.all()) > 0 {
		t.Errorf("warnings are %q", told.all())
	}
}

func TestDaemonThatCannotBeStarted(t *testing.T) {
	folder := t.TempDir()
	told := &warnings{}
	launcher := &launcher{store: folder, warn: told.add}
	t.Setenv("PATH", folder)
	launcher.launch(t.Context())
	launcher.launch(t.Context()) // not again so soon
	if sentences := told.all(); len(sentences) != 1 || !contains(sentences, "PATH", "trackd up", folder) {
		t.Errorf("warnings are %q", sentences)
	}
	if err := os.WriteFile(filepath.Join(folder, "trackd"), []byte("#!/bin/sh\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := launcher.start(t.Context()); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("the error is %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	launcher.warned, launcher.last = false, time.Time{}
	launcher.launch(ended)
	if len(told.all()) != 1 {
		t.Errorf("warnings are %q", told.all())
	}
}
