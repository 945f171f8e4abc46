package trackd

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"time"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

// panicExitCode is what the Go runtime ends a program with that panics.
const panicExitCode = 2

// tracebackBytesMax keeps the end of the run small, however deep the stack is.
const tracebackBytesMax = 1 << 16

// Run is a run of an experiment, made by Init. It is safe for concurrent use.
type Run struct {
	chosen  *settings
	outbox  *outbox
	sender  *sender // nil when the run is disabled
	console *console
	config  *Config
	summary *Summary
}

// Init begins a run and returns at once: it makes no call to the daemon. Everything that is logged is sent in the background, until
// Run.Finish.
//
// The error is a *UsageError, where an option or an environment variable is not allowed, or a *ValueError, where a value of the
// config cannot be one.
func Init(options Options) (*Run, error) {
	return initialize(options, os.Getenv, nil)
}

// initialize is Init with what only tests change: the environment, and settings that are no options.
func initialize(options Options, getenv func(string) string, change func(*settings)) (*Run, error) {
	chosen, err := resolveSettings(options, getenv)
	if err != nil {
		return nil, err
	}
	if change != nil {
		change(chosen)
	}
	run := &Run{chosen: chosen, outbox: newOutbox(chosen.bufferBytesMax, chosen.onWarning)}
	run.config, run.summary = &Config{run}, &Summary{run}
	run.console = newConsole(func(lines item) { run.put(lines) })
	if chosen.mode != ModeDisabled {
		run.sender = newSender(chosen, newBegin(chosen), run.outbox)
		if len(chosen.captures) > 0 {
			record := environmentRecord(time.Now().UnixNano(), chosen.address == "")
			run.put(recordItem(record, &draft{}))
		}
	}
	if len(chosen.config) > 0 {
		if err := run.config.Update(chosen.config); err != nil {
			return nil, err
		}
	}
	if run.sender != nil {
		go run.sender.run()
		if !chosen.quiet {
			tell(fmt.Sprintf("run %s in project %s; watch it in the browser: `trackd ui`", firstText(chosen.name, chosen.id), chosen.project))
		}
	}
	return run, nil
}

// ID returns the run's id, unique in its project.
func (r *Run) ID() string { return r.chosen.id }

// Project returns the project's name.
func (r *Run) Project() string { return r.chosen.project }

// URL returns the address of the run's page; empty while no daemon has told it. `trackd ui` opens the page with its token.
func (r *Run) URL() string {
	if r.sender == nil {
		return ""
	}
	address := r.sender.httpAddress.Load()
	if address == nil || *address == "" {
		return ""
	}
	return *address + "/p/" + quote(r.chosen.project) + "/r/" + quote(r.chosen.id)
}

func quote(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// Config returns the run's settings, for changes.
func (r *Run) Config() *Config { return r.config }

// Summary returns the run's summary, for values that are set by hand.
func (r *Run) Summary() *Summary { return r.summary }

// LogOption is an option of Run.Log: Step or Commit.
type LogOption struct {
	isCommit bool
	step     int64
	commit   commitChoice
}

// Step gives a row its step, 0 to 2^63-1. Without it the row takes the next step by itself. A row with a negative step is not kept,
// and a warning says so.
func Step(step int64) LogOption { return LogOption{step: step} }

// Commit says whether the step is done with the row. Without it the step is done when Step is not given.
func Commit(isDone bool) LogOption {
	if isDone {
		return LogOption{isCommit: true, commit: commitTrue}
	}
	return LogOption{isCommit: true, commit: commitFalse}
}

// Log logs a row of values, copied at the call. It never waits for the disk, the daemon or the network, and never fails because of
// them. Rows that do not fit into the buffer are dropped, with a warning.
//
// A key has 1 to 512 bytes. A nested map or struct becomes dotted keys, a struct by the names of its json tags. A value is
//
//   - a number of any type of Go, or a json.Number; an int64 keeps all its bits, and NaN and infinities are kept;
//   - a bool; a string or []byte of at most 1 MiB;
//   - nil, or a slice or array of values, which is kept as JSON of at most 1 MiB;
//   - a time.Time (as ISO text) or a time.Duration (as seconds);
//   - what marshals itself as JSON or text, else an error or fmt.Stringer (as its text);
//   - a typed record, Image, Histogram, Table or Object3D, alone or as a slice of one kind;
//   - a pointer to any of them.
//
// The error is a *ValueError that names the first key that cannot be kept; the other values of the row are kept. It is a
// *UsageError when the run is finished.
func (r *Run) Log(values Values, options ...LogOption) error {
	var chosen rowOptions
	for _, option := range options {
		if option.isCommit {
			chosen.commit = option.commit
		} else {
			chosen.step, chosen.hasStep = option.step, true
		}
	}
	if r.outbox.closed() {
		return r.finished("Log")
	}
	if chosen.step < 0 {
		r.chosen.onWarning(fmt.Sprintf("step is %d; the smallest is 0: this row is not kept", chosen.step))
		return nil
	}
	var first error
	problem := func(err error) {
		if first == nil {
			first = err
		}
	}
	builder := newRowBuilder(time.Now().UnixNano(), chosen, values)
	flatten(values, func(key string, value any) {
		switch key {
		case "_step", "_runtime": // the daemon gives them
			return
		case "_timestamp":
			builder.setTime(value)
			return
		}
		if err := builder.add(key, value); err != nil {
			problem(err)
		}
	}, problem)
	if first != nil && builder.isEmpty() {
		return first
	}
	if !r.put(builder.finish()...) {
		return r.finished("Log")
	}
	return first
}

// put takes items; false when the run is finished.
func (r *Run) put(items ...item) bool {
	if r.sender == nil {
		return !r.outbox.closed()
	}
	return r.outbox.put(items...)
}

// record takes a record other than a row.
func (r *Run) record(call string, record *pb.Record, draft *draft) error {
	record.TimeUnixNanos = time.Now().UnixNano()
	made := recordItem(withData(record, draft), draft)
	if made.wireBytes > messageBytesAllowed {
		return valueErrorf("", "%s takes %d bytes in one call; the limit is %d: make several calls", call, made.wireBytes, messageBytesAllowed)
	}
	if !r.put(made) {
		return r.finished(call)
	}
	return nil
}

func (r *Run) finished(call string) error {
	return usageErrorf("run %s is finished: `%s` needs a running run; call trackd.Init for a new one", r.chosen.id, call)
}

// Console returns a writer that records what is written to it as lines of the run's console; it writes them nowhere else, so it is
// usually one of an io.MultiWriter. It never fails and never waits. Lines of both streams share their numbers. Of a line with
// carriage returns only what stands behind the last of them is kept.
func (r *Run) Console(stream Stream) io.Writer {
	if stream != Stderr {
		stream = Stdout
	}
	return consoleWriter{r.console, stream}
}

// Flush waits until everything that was said before it is on the daemon's disk, or ctx ends. It returns a *TimeoutError in the
// latter case: nothing is lost by it. It returns a *RefusedError when the daemon takes nothing of this run.
func (r *Run) Flush(ctx context.Context) error {
	r.console.release()
	if r.sender == nil {
		return nil
	}
	waiting, err := r.outbox.flush(ctx, r.sender.done)
	if waiting > 0 {
		counts := r.outbox.counts()
		counts.waiting = waiting
		return r.sender.timeout(counts, err)
	}
	return err
}

// Finish ends the run as finished: FinishWith with exit code 0.
func (r *Run) Finish(ctx context.Context) error { return r.FinishWith(ctx, 0) }

// FinishWith ends the run: it sends what is left and tells the daemon the exit code, 0 for finished, another for failed. It takes no
// longer than Options.FinishTimeout, after which a *TimeoutError says how many records were not durable; they are lost. When ctx
// ends before, it returns a *TimeoutError too, and the end goes on in the background.
//
// A second call ends nothing again, and returns what came of the first. No goroutine is left when it has returned nil.
func (r *Run) FinishWith(ctx context.Context, exitCode int) error {
	return r.finish(ctx, exitCode, "")
}

func (r *Run) finish(ctx context.Context, exitCode int, traceback string) error {
	if exitCode < math.MinInt32 || exitCode > math.MaxInt32 {
		exitCode = 1 // what no system has is a failure all the same
	}
	if !r.outbox.closed() {
		r.console.release()
	}
	if r.sender == nil {
		r.outbox.close()
		return nil
	}
	isFirst := r.sender.finish(&pb.WriterFinish{ExitCode: int32(exitCode), Traceback: traceback})
	select {
	case <-r.sender.done:
	case <-ctx.Done():
		return r.sender.timeout(r.outbox.counts(), ctx.Err())
	}
	if isFirst {
		r.sayGoodbye(exitCode)
	}
	return r.sender.result
}

func (r *Run) sayGoodbye(exitCode int) {
	counts := r.outbox.counts()
	if lost := counts.dropped + counts.refused; lost > 0 && r.sender.result == nil {
		r.chosen.onWarning(fmt.Sprintf("run %s has ended, and %d of its records are lost: %d were dropped and %d refused",
			r.chosen.id, lost, counts.dropped, counts.refused))
	}
	if r.chosen.quiet || r.sender.result != nil {
		return
	}
	state := "finished"
	if exitCode != 0 {
		state = fmt.Sprintf("failed with exit code %d", exitCode)
	}
	tell(fmt.Sprintf("run %s %s: %s", firstText(r.chosen.name, r.chosen.id), state, r.URL()))
}

// Close ends the run like Finish, for defer:
//
//	defer run.Close()
//
// In a function that panics it ends the run as failed, with exit code 2 and the stack, and the panic goes on.
func (r *Run) Close() error {
	failure := recover() // nil, but when deferred in a function that panics
	if failure == nil {
		return r.Finish(context.Background())
	}
	traceback := validText(fmt.Sprintf("panic: %v\n\n%s", failure, debug.Stack()))
	_ = r.finish(context.Background(), panicExitCode, strings.ToValidUTF8(traceback[:min(len(traceback), tracebackBytesMax)], ""))
	panic(failure)
}
