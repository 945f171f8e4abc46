package trackd

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestRowsComeInTheirOrder(t *testing.T) {
	f := newFake(t)
	run, told := f.open(nil)
	logNumbers(t, run, 0, 500)
	flush(t, run)
	logNumbers(t, run, 500, 500)
	if err := run.FinishWith(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	checkNumbers(t, f.storedRows(), 1000)
	if f.finish.GetExitCode() != 3 {
		t.Errorf("exit code is %d", f.finish.GetExitCode())
	}
	if len(f.stored()) > 100 {
		t.Errorf("%d records; rows were not joined", len(f.stored()))
	}
	if warned := told.all(); len(warned) > 0 {
		t.Error(warned)
	}
	if want := "http://127.0.0.1:1/p/tests/r/run"; run.URL() != want {
		t.Errorf("URL is %q; %q was expected", run.URL(), want)
	}
}

// TestEveryLineOfTheTable makes each call fail in each way that calls are made again after.
func TestEveryLineOfTheTable(t *testing.T) {
	faults := map[string]fault{
		"unavailable":            {err: status.Error(codes.Unavailable, "")},
		"storage unavailable":    {err: refusal(codes.Unavailable, "STORAGE_UNAVAILABLE")},
		"stopping":               {err: refusal(codes.Unavailable, "STOPPING")},
		"deadline exceeded":      {err: status.Error(codes.DeadlineExceeded, "")},
		"aborted":                {err: status.Error(codes.Aborted, "")},
		"cancelled":              {err: status.Error(codes.Canceled, "")},
		"answer lost":            {err: status.Error(codes.Unavailable, ""), isAfter: true},
		"hangs":                  {hangs: true, err: status.Error(codes.DeadlineExceeded, "")},
		"internal":               {err: refusal(codes.Internal, "INTERNAL")},
		"internal, answer lost":  {err: refusal(codes.Internal, "INTERNAL"), isAfter: true},
		"unimplemented":          {err: status.Error(codes.Unimplemented, "")},
		"unauthenticated":        {err: refusal(codes.Unauthenticated, "UNAUTHENTICATED")},
		"writer not found":       {err: refusal(codes.FailedPrecondition, reasonNoWriter)},
		"sequence gap, nothing":  {err: refusal(codes.OutOfRange, reasonGap, metadataSequence, "0")},
		"an unknown one at once": {err: status.Error(codes.Unknown, "")},
	}
	for _, method := range []string{"GetDaemon", "CreateRun", "Append", "FinishRun"} {
		for name, fault := range faults {
			if method == "FinishRun" && name == "sequence gap, nothing" {
				continue // it would be a daemon that has lost what it has acknowledged
			}
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				f := newFake(t)
				f.fail(method, fault)
				run, _ := f.open(func(chosen *settings) { chosen.callTimeout = time.Second / 2 })
				logNumbers(t, run, 0, 10)
				finish(t, run)
				checkNumbers(t, f.storedRows(), 10)
				if f.count(method) < 2 {
					t.Errorf("%d calls of %s", f.count(method), method)
				}
			})
		}
	}
}

func TestSilentRunShowsThatItLives(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.fail("Append", fault{err: refusal(codes.InvalidArgument, "INVALID_ARGUMENT")})
	f.fail("Append", fault{err: refusal(codes.FailedPrecondition, reasonNoWriter)})
	run, told := f.open(func(chosen *settings) { chosen.lifeTime = 10 * time.Millisecond })
	eventually(t, "signs of life", func() bool { return f.count("Append") >= 4 })
	logNumbers(t, run, 0, 10)
	finish(t, run)
	checkNumbers(t, f.storedRows(), 10)
	if warned := told.all(); len(warned) > 0 {
		t.Error(warned)
	}
}

func TestRepeatedFailures(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	unavailable := fault{err: status.Error(codes.Unavailable, "nobody is there")}
	f.fail("Append", unavailable, unavailable, unavailable)
	run, told := f.open(func(chosen *settings) { chosen.silenceTime = time.Millisecond })
	logNumbers(t, run, 0, 10)
	finish(t, run)
	checkNumbers(t, f.storedRows(), 10)
	if sentences := told.all(); len(sentences) != 2 || !contains(sentences[:1], "does not answer", "nobody is there") || !contains(sentences[1:], "answers again") {
		t.Errorf("warnings are %q", sentences)
	}
}

func TestTokenThatChanges(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.fail("Append", fault{meanness: func(f *fake) {
		f.mutex.Lock()
		defer f.mutex.Unlock()
		f.token = "another token"
		f.writeEndpoint(endpointAddress(t, f), f.token)
	}})
	run, _ := f.open(nil)
	logNumbers(t, run, 0, 10)
	finish(t, run)
	checkNumbers(t, f.storedRows(), 10)
}

func endpointAddress(t *testing.T, f *fake) string {
	t.Helper()
	found, err := findEndpoint(&settings{store: f.store})
	if err != nil {
		t.Fatal(err)
	}
	return found.address
}

func TestDaemonThatComesBackElsewhere(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	run, _ := f.open(nil)
	logNumbers(t, run, 0, 10)
	flush(t, run)
	f.stop()
	logNumbers(t, run, 10, 10)
	f.start()
	finish(t, run)
	checkNumbers(t, f.storedRows(), 20)
}

func TestDaemonThatForgetsTheWriter(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	run, _ := f.open(nil)
	logNumbers(t, run, 0, 10)
	flush(t, run)
	f.mutex.Lock()
	f.begin = nil
	f.mutex.Unlock()
	logNumbers(t, run, 10, 10)
	finish(t, run)
	checkNumbers(t, f.storedRows(), 20)
	if f.count("CreateRun") != 2 {
		t.Errorf("CreateRun was called %d times", f.count("CreateRun"))
	}
}

func TestDaemonThatLostAllRecords(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	run, _ := f.open(nil)
	logNumbers(t, run, 0, 10)
	flush(t, run)
	f.mutex.Lock()
	f.begin, f.records = nil, nil
	f.mutex.Unlock()
	logNumbers(t, run, 0, 5)
	finish(t, run)
	checkNumbers(t, f.storedRows(), 5)
}

func TestPartOfABatchIsAcknowledged(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.partial = 2
	run, _ := f.open(nil)
	for number := range 9 {
		if err := run.Log(Values{"n": number}, Commit(true)); err != nil { // which keeps rows from being joined
			t.Fatal(err)
		}
	}
	finish(t, run)
	checkNumbers(t, f.storedRows(), 9)
}

func TestGapThatAcknowledges(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.fail("Append", fault{isAfter: true, err: refusal(codes.OutOfRange, reasonGap, metadataSequence, "1")})
	run, _ := f.open(nil)
	logNumbers(t, run, 0, 10)
	finish(t, run)
	checkNumbers(t, f.storedRows(), 10)
}

func TestOnlyWhatIsRefusedIsDropped(t *testing.T) {
	for _, code := range []codes.Code{codes.InvalidArgument, codes.ResourceExhausted, codes.NotFound, codes.Internal} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			blocks := make(chan struct{})
			f.fail("GetDaemon", fault{blocks: blocks})
			if code != codes.InvalidArgument {
				// The whole batch fails, as often as it takes; then one by one only the bad ones do.
				f.fail("Append", fault{err: status.Error(code, "no")})
				if code == codes.Internal {
					f.fail("Append", fault{err: status.Error(code, "no")})
				}
			}
			f.isBad = func(record *pb.Record) bool { return record.GetAlert().GetTitle() == "bad" }
			run, told := f.open(nil)
			for number := range 10 {
				logNumbers(t, run, number, 1)
				if number%3 == 0 {
					if err := run.Alert("bad", AlertOptions{}); err != nil {
						t.Fatal(err)
					}
				}
			}
			close(blocks)
			finish(t, run)
			checkNumbers(t, f.storedRows(), 10)
			if !contains(told.all(), "refused a record", "the fake refuses this call") || !contains(told.all(), "4 refused") {
				t.Errorf("warnings are %q", told.all())
			}
			for _, record := range f.stored() {
				if record.GetAlert() != nil {
					t.Error("a refused record is stored")
				}
			}
		})
	}
}

func TestRunThatIsRefused(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]fault{
		"invalid":        {{err: refusal(codes.InvalidArgument, "INVALID_ARGUMENT")}},
		"internal twice": {{err: status.Error(codes.Internal, "")}, {err: status.Error(codes.Internal, "")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.fail("CreateRun", faults...)
			run, told := f.open(nil)
			logNumbers(t, run, 0, 10)
			var refused *RefusedError
			if err := run.Flush(t.Context()); !errors.As(err, &refused) {
				t.Errorf("flush returned %v", err)
			}
			logNumbers(t, run, 0, 10) // dropped, without an error
			if err := run.Finish(t.Context()); !errors.As(err, &refused) {
				t.Errorf("finish returned %v", err)
			}
			if sentences := told.all(); len(sentences) != 1 || !contains(sentences, "refused run run") {
				t.Errorf("warnings are %q", sentences)
			}
			if f.count("Append") > 0 {
				t.Error("records were sent")
			}
		})
	}
}

func TestEndThatIsRefused(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.fail("FinishRun", fault{err: refusal(codes.InvalidArgument, "INVALID_ARGUMENT")})
	run, _ := f.open(nil)
	logNumbers(t, run, 0, 10)
	var refused *RefusedError
	if err := run.Finish(t.Context()); !errors.As(err, &refused) || status.Code(refused.Unwrap()) != codes.InvalidArgument {
		t.Errorf("finish returned %v", err)
	}
	checkNumbers(t, f.storedRows(), 10)
}

func TestAnotherProtocol(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.protocol = 2
	run, told := f.open(nil)
	logNumbers(t, run, 0, 10)
	var refused *RefusedError
	if err := run.Finish(t.Context()); !errors.As(err, &refused) {
		t.Errorf("finish returned %v", err)
	}
	if sentences := told.all(); len(sentences) != 1 || !contains(sentences, "version 2", "version 1") {
		t.Errorf("warnings are %q", sentences)
	}
}

func TestLargeRecordIsPutBefore(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	unavailable := fault{err: status.Error(codes.Unavailable, "")}
	f.fail("PutObject", unavailable)
	f.fail("Append", fault{blocks: nil}, unavailable)
	run, _ := f.open(nil)
	pixels := bytes.Repeat([]byte{1, 2, 3}, 1000*1000)
	logNumbers(t, run, 0, 1)
	flush(t, run)
	if err := run.Log(Values{"picture": Image{Pixels: pixels, Shape: []int{1000, 1000, 3}}}); err != nil {
		t.Fatal(err)
	}
	clear(pixels) // it was copied
	finish(t, run)
	record := f.storedRows()[1]["picture"].(*pb.TypedRecord)
	content := f.objects[record.GetImage().GetRaw().GetData().GetSha256()]
	if !bytes.Equal(content, bytes.Repeat([]byte{1, 2, 3}, 1000*1000)) {
		t.Errorf("the object has %d bytes", len(content))
	}
	if f.count("PutObject") != 2 {
		t.Errorf("PutObject was called %d times; once more than it failed was expected", f.count("PutObject"))
	}
}

func TestWhatTheDaemonSaysIsTold(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer = func(answer *pb.AppendResponse) {
		answer.IngestHealth = &pb.IngestHealth{Message: "a value was refused"}
	}
	run, told := f.open(nil)
	logNumbers(t, run, 0, 1)
	flush(t, run)
	logNumbers(t, run, 1, 1)
	finish(t, run)
	if sentences := told.all(); len(sentences) != 1 || sentences[0] != "a value was refused" {
		t.Errorf("warnings are %q", sentences)
	}
}

func TestPauseGrowsAndIsShortWhileSomebodyWaits(t *testing.T) {
	t.Parallel()
	outbox := newOutbox(bufferBytesDefault, func(string) {})
	s := newSender(&settings{silenceTime: time.Hour}, nil, outbox)
	s.pauseCount = 16 // 30 s
	paused := make(chan struct{})
	go func() {
		defer close(paused)
		s.pause()
	}()
	outbox.close() // finish waits
	select {
	case <-paused:
	case <-time.After(5 * time.Second):
		t.Error("the pause is not cut to a second")
		s.cancel()
		<-paused
	}
}

func TestFinishIsBounded(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.fail("Append", fault{hangs: true, err: status.Error(codes.DeadlineExceeded, "")})
	run, _ := f.open(func(chosen *settings) { chosen.finishTimeout = 200 * time.Millisecond })
	logNumbers(t, run, 0, 10)
	var timeout *TimeoutError
	if err := run.Finish(t.Context()); !errors.As(err, &timeout) || timeout.RecordCount != 10 || !contains([]string{err.Error()}, "10 records") {
		t.Errorf("finish returned %v", err)
	}
	if err := run.Finish(t.Context()); !errors.As(err, &timeout) {
		t.Errorf("finish returned %v the second time", err)
	}
}

func TestContextEndsTheWaitOnly(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	blocks := make(chan struct{})
	f.fail("Append", fault{blocks: blocks})
	run, _ := f.open(nil)
	logNumbers(t, run, 0, 10)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var timeout *TimeoutError
	if err := run.Flush(ended); !errors.As(err, &timeout) || !errors.Is(err, context.Canceled) || timeout.RecordCount != 10 {
		t.Errorf("flush returned %v", err)
	}
	if err := run.Finish(ended); !errors.As(err, &timeout) || !errors.Is(err, context.Canceled) {
		t.Errorf("finish returned %v", err)
	}
	close(blocks)
	finish(t, run)
	checkNumbers(t, f.storedRows(), 10)
}
