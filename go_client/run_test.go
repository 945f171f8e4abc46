package trackd

import (
	"context"
	"errors"
	"io"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestHowARunIsOpened(t *testing.T) {
	f := newFake(t)
	run, err := initialize(Options{
		Project: "p", ID: "i", Name: "n", Config: Values{"lr": 0.1, "model": Values{"layers": []int{1, 2}}}, Tags: []string{"a"}, Group: "g",
		JobType: "j", Notes: "w", Label: "rank 1", Mode: ModeShared, Store: f.store, Quiet: true,
	}, variables(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if run.ID() != "i" || run.Project() != "p" {
		t.Error(run)
	}
	finish(t, run)
	begin := f.begin
	host, _ := os.Hostname()
	if begin.GetRun().GetProject() != "p" || begin.GetRun().GetRunId() != "i" || len(begin.GetWriterId()) != 32 || begin.GetLabel() != "rank 1" ||
		begin.GetClient() != "go "+Version || begin.GetProcess().GetPid() != int64(os.Getpid()) || begin.GetProcess().GetHost() != host ||
		len(begin.GetProcess().GetArguments()) > 0 || begin.GetRole() != pb.WriterRole_WRITER_ROLE_SHARED ||
		len(begin.GetSettings().GetCaptures()) != 2 || begin.StartingStep != nil {
		t.Errorf("begin is %v", begin)
	}
	start := begin.GetStart()
	if start.GetName() != "n" || start.GetNotes() != "w" || start.GetGroup() != "g" || start.GetJobType() != "j" || start.GetTags().GetTags()[0] != "a" {
		t.Errorf("start is %v", start)
	}
	records := f.stored()
	folder, _ := os.Getwd()
	if environment := records[0].GetEnvironment(); environment.GetFolder() != folder || environment.GetFacts()[0].GetValue().GetStringValue() != runtime.Version() {
		t.Errorf("the first record is %v", records[0])
	}
	config := map[string]any{}
	for _, entry := range records[1].GetConfigUpdate().GetSet() {
		config[entry.GetKey()] = plainOf(entry.GetValue())
	}
	if want := (map[string]any{"lr": 0.1, "model": jsonText(`{"layers":[1,2]}`)}); !reflect.DeepEqual(config, want) {
		t.Errorf("config is %v", config)
	}
}

func TestNothingIsSaidOfAnUnnamedRun(t *testing.T) {
	f := newFake(t)
	run, _ := f.open(nil)
	finish(t, run)
	if start := f.begin.GetStart(); start.Name != nil || start.Notes != nil || start.Tags != nil || start.Group != nil {
		t.Errorf("start is %v", start)
	}
	if len(f.stored()) != 1 || len(f.begin.GetSettings().GetCaptures()) > 0 {
		t.Errorf("records are %v", f.stored())
	}
}

func TestEveryCall(t *testing.T) {
	f := newFake(t)
	run, told := f.open(nil)
	yes := true
	before := time.Now().UnixNano()
	for _, err := range []error{
		run.Log(Values{"a": 1, "_step": 7, "_runtime": 8}, Step(5), Commit(false)),
		run.Log(Values{"_timestamp": 12.5}),
		run.Log(nil, Commit(true)),
		run.Config().Set("lr", 0.5),
		run.Summary().Set("best", Values{"loss": 0.25, "picture": Image{Pixels: []uint8{1}, Shape: []int{1, 1}}}),
		run.DefineMetric("train/*", MetricOptions{StepMetric: "epoch", StepSync: &yes, Hidden: &yes, Summary: "min, LAST", Goal: "maximize", Overwrite: true}),
		run.Alert("title", AlertOptions{Text: "text", Level: "warn", Wait: time.Minute}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Log(Values{"a": 1}, Step(-4)); err != nil {
		t.Error(err)
	}
	if sentences := told.all(); len(sentences) != 1 || !contains(sentences, "-4") {
		t.Errorf("warnings are %q", sentences)
	}
	finish(t, run)
	records := f.stored()
	if row := records[0].GetRow(); row.GetStep() != 5 || row.Commit == nil || row.GetCommit() || len(row.GetValues()) != 1 || records[0].GetTimeUnixNanos() < before {
		t.Errorf("row is %v", records[0])
	}
	if records[1].GetTimeUnixNanos() != 12.5e9 || records[1].GetRow() == nil {
		t.Errorf("row is %v", records[1])
	}
	if row := records[2].GetRow(); row == nil || row.Step != nil || !row.GetCommit() {
		t.Errorf("row is %v", records[2])
	}
	if entry := records[3].GetConfigUpdate().GetSet()[0]; entry.GetKey() != "lr" || entry.GetValue().GetDoubleValue() != 0.5 {
		t.Errorf("config is %v", records[3])
	}
	if entries := records[4].GetSummaryUpdate().GetSet(); entries[0].GetKey() != "best.loss" || entries[1].GetValue().GetRecordValue() == nil || len(records[4].GetDataInline()) != 1 {
		t.Errorf("summary is %v", records[4])
	}
	definition := records[5].GetMetricDefinition()
	if definition.GetName() != "train/*" || definition.GetStepMetric() != "epoch" || !definition.GetStepSync() || !definition.GetHidden() || !definition.GetOverwrite() ||
		!reflect.DeepEqual(definition.GetSummaryKinds(), []pb.SummaryKind{pb.SummaryKind_SUMMARY_KIND_MIN, pb.SummaryKind_SUMMARY_KIND_LAST}) ||
		definition.GetGoal() != pb.Goal_GOAL_MAXIMIZE {
		t.Errorf("definition is %v", definition)
	}
	if alert := records[6].GetAlert(); alert.GetTitle() != "title" || alert.GetLevel() != pb.AlertLevel_ALERT_LEVEL_WARN || alert.GetWaitSeconds() != 60 {
		t.Errorf("alert is %v", alert)
	}
	if len(records) != 8 {
		t.Errorf("%d records", len(records))
	}
}

func TestWrongArguments(t *testing.T) {
	disabled, err := initialize(Options{Mode: ModeDisabled, Quiet: true}, noEnvironment, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t)
	online, _ := f.open(nil)
	for name, run := range map[string]*Run{"online": online, "disabled": disabled} {
		for says, err := range map[string]error{
			"empty":   run.Log(Values{"": 1}),
			"median":  run.DefineMetric("a", MetricOptions{Summary: "min,median"}),
			"up":      run.DefineMetric("a", MetricOptions{Goal: "up"}),
			"a*b":     run.DefineMetric("a*b", MetricOptions{}),
			"key":     run.DefineMetric("", MetricOptions{}),
			"_system": run.DefineMetric("a", MetricOptions{StepMetric: "_system/x"}),
			"panic":   run.Alert("t", AlertOptions{Level: "panic"}),
			"1048577": run.Alert(strings.Repeat("t", 1<<20+1), AlertOptions{}),
			"Image":   run.Config().Set("a", Image{}),
			"\"\"":    run.Config().Set("", 1),
			"func":    run.Summary().Set("a", func() {}),
			"limit":   run.Config().Update(largeValues()),
		} {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: the error is %v; it must say %q", name, err, says)
			}
		}
	}
	if disabled.URL() != "" || disabled.Flush(t.Context()) != nil {
		t.Error("a disabled run has a page or is not durable")
	}
	_, _ = io.WriteString(disabled.Console(Stderr), "text\n")
}

func largeValues() Values {
	values := Values{}
	for _, key := range strings.Split("abcdef", "") {
		values[key] = strings.Repeat("x", 1<<20)
	}
	return values
}

func TestFinishedRunTakesNothing(t *testing.T) {
	f := newFake(t)
	online, _ := f.open(nil)
	disabled, err := initialize(Options{ID: "run", Mode: ModeDisabled, Quiet: true}, noEnvironment, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range []*Run{online, disabled} {
		_, _ = io.WriteString(run.Console(Stdout), "no end")
		finish(t, run)
		finish(t, run)
		for _, err := range []error{run.Log(Values{"n": 1}), run.Log(Values{"n": 1}, Step(-1)), run.Config().Set("a", 1), run.Alert("a", AlertOptions{})} {
			var usage *UsageError
			if !errors.As(err, &usage) || !contains([]string{err.Error()}, "run run", "finished") {
				t.Errorf("the error is %v", err)
			}
		}
		if count, err := io.WriteString(run.Console(Stdout), "late\n"); err != nil || count != 5 {
			t.Errorf("the console says %v", err)
		}
		if err := run.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if lines := f.stored()[0].GetConsoleLines().GetLines(); len(lines) != 1 || lines[0] != "no end" {
		t.Errorf("lines are %q", lines)
	}
}

func TestPanicIsAFailure(t *testing.T) {
	f := newFake(t)
	run, _ := f.open(nil)
	func() {
		defer func() {
			if failure := recover(); failure != "it went wrong" {
				t.Errorf("the panic became %v", failure)
			}
		}()
		defer run.Close()
		panic("it went wrong")
	}()
	if f.finish.GetExitCode() != panicExitCode || !strings.Contains(f.finish.GetTraceback(), "it went wrong") || !strings.Contains(f.finish.GetTraceback(), "TestPanicIsAFailure") {
		t.Errorf("the end is %v", f.finish)
	}
	other := newFake(t)
	run, _ = other.open(nil)
	func() { defer run.Close() }()
	if other.finish == nil || other.finish.GetExitCode() != 0 {
		t.Errorf("the end is %v", other.finish)
	}
}

func TestConcurrentUse(t *testing.T) {
	f := newFake(t)
	run, _ := f.open(nil)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for number := range 200 {
				_ = run.Log(Values{"n": number})
				_, _ = io.WriteString(run.Console(Stdout), "line\n")
				if number%50 == 0 {
					_ = run.Flush(t.Context())
				}
			}
		})
	}
	group.Wait()
	for range 3 {
		group.Go(func() { _ = run.Finish(t.Context()) })
	}
	group.Wait()
	if rows := f.storedRows(); len(rows) != 1600 {
		t.Errorf("%d rows are stored", len(rows))
	}
	lines := map[int64]bool{}
	for _, record := range f.stored() {
		for offset := range record.GetConsoleLines().GetLines() {
			lines[record.GetConsoleLines().GetFirstLine()+int64(offset)] = true
		}
	}
	if len(lines) != 1600 || !lines[0] || !lines[1599] {
		t.Errorf("%d lines are stored", len(lines))
	}
}

// TestLossIsTold fills a buffer while the daemon is away.
func TestLossIsTold(t *testing.T) {
	f := newFake(t)
	blocks := make(chan struct{})
	f.fail("Append", fault{blocks: blocks})
	run, told := f.open(func(chosen *settings) { chosen.bufferBytesMax = bufferBytesMinimum })
	logNumbers(t, run, 0, 10_000)
	close(blocks)
	finish(t, run)
	rows := f.storedRows()
	checkNumbers(t, rows, len(rows))
	if len(rows) < 100 || len(rows) == 10_000 || !contains(told.all(), "full") || !contains(told.all(), "room again") || !contains(told.all(), "were dropped and 0 refused") {
		t.Errorf("%d rows are stored, and warnings are %q", len(rows), told.all())
	}
}

// TestNothingIsLeft looks for goroutines and open files of the client after runs of every fate.
func TestNothingIsLeft(t *testing.T) {
	f := newFake(t)
	if err := os.WriteFile(f.store+"/daemon.lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.stop()
	settled := ownGoroutines()
	if settled > 0 {
		eventually(t, "the goroutines of other tests are gone", func() bool { return ownGoroutines() == 0 })
	}
	fates := map[string]func(*fake, *Run){
		"finished":    func(*fake, *Run) {},
		"unreachable": func(f *fake, run *Run) { f.stop(); _ = run.Log(Values{"n": 1}) },
		"refused": func(f *fake, _ *Run) {
			f.fail("CreateRun", fault{err: status.Error(codes.InvalidArgument, "")})
		},
		"hanging": func(f *fake, _ *Run) { f.fail("Append", fault{hangs: true, err: status.Error(codes.Aborted, "")}) },
		"abandoned": func(f *fake, run *Run) {
			ended, cancel := context.WithCancel(context.Background())
			cancel()
			_ = run.Finish(ended)
		},
	}
	for name, fate := range fates {
		t.Run(name, func(t *testing.T) {
			f.start()
			files := openFiles()
			run, _ := f.open(func(chosen *settings) { chosen.finishTimeout = time.Second / 2 })
			fate(f, run)
			logSafely(run)
			_ = run.Finish(context.Background())
			f.stop()
			eventually(t, "no goroutine of the client is left", func() bool { return ownGoroutines() == 0 })
			eventually(t, "no file of the client is left open", func() bool { return openFiles() <= files })
			f.mutex.Lock()
			f.faults, f.begin, f.records = map[string][]fault{}, nil, nil
			f.mutex.Unlock()
		})
	}
}

func logSafely(run *Run) { _ = run.Log(Values{"n": 2}) }

// ownGoroutines counts the goroutines that this client, or its gRPC channel, has begun.
func ownGoroutines() int {
	stacks := make([]byte, 1<<22)
	stacks = stacks[:runtime.Stack(stacks, true)]
	count := 0
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "(*sender).run") || strings.Contains(stack, "google.golang.org/grpc") {
			count++
		}
	}
	return count
}

// openFiles counts the open files of this process; 0 where the system does not tell.
func openFiles() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}
