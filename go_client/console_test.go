package trackd

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/quick"
)

// screen gathers the lines of a console as the daemon does: a later line of a number replaces the earlier one.
type screen struct {
	t     *testing.T
	lines map[int64]string
}

func newScreen(t *testing.T) (*screen, *console) {
	shown := &screen{t, map[int64]string{}}
	return shown, newConsole(func(each item) {
		lines := each.record.GetConsoleLines()
		for offset, text := range lines.GetLines() {
			shown.lines[lines.GetFirstLine()+int64(offset)] = strings.ToLower(lines.GetStream().String()[len("CONSOLE_STREAM_"):]) + " " + text
		}
	})
}

func (s *screen) check(want ...string) {
	s.t.Helper()
	var shown []string
	for number := range int64(len(s.lines)) {
		shown = append(shown, s.lines[number])
	}
	if !slices.Equal(shown, want) {
		s.t.Errorf("lines are %q; %q were expected", shown, want)
	}
}

func TestLinesOfTheConsole(t *testing.T) {
	shown, console := newScreen(t)
	console.write(Stdout, "one\ntwo ")
	shown.check("stdout one")
	console.write(Stderr, "oops\n\n")
	console.write(Stdout, "and more\r\n")
	console.write(Stdout, " 1%\r50%\r")
	console.write(Stdout, "100%\r")
	console.release()
	shown.check("stdout one", "stderr oops", "stderr ", "stdout two and more", "stdout 100%")
	console.release()
	console.write(Stdout, "done")
	console.write(Stderr, "bytes \xff\n")
	console.write(Stdout, "!\nnext")
	console.release()
	shown.check("stdout one", "stderr oops", "stderr ", "stdout two and more", "stdout done!", `stderr bytes \xff`, "stdout next")
}

func TestLongLinesAreSplit(t *testing.T) {
	shown, console := newScreen(t)
	console.write(Stdout, strings.Repeat("ä", consoleLineBytes)+"\n")
	text := ""
	for number := range int64(len(shown.lines)) {
		text += strings.TrimPrefix(shown.lines[number], "stdout ")
	}
	if text != strings.Repeat("ä", consoleLineBytes) || len(shown.lines) < 2 {
		t.Errorf("%d bytes in %d lines", len(text), len(shown.lines))
	}
}

// TestChunksDoNotMatter is a property: the lines are the same however the text is cut into writes.
func TestChunksDoNotMatter(t *testing.T) {
	property := func(seed uint64) bool {
		chance := rand.New(rand.NewPCG(seed, 0))
		var text strings.Builder
		for range chance.IntN(60) {
			text.WriteString([]string{"a", "bc", "\n", "\r", "\r\n", "é", "\x80"}[chance.IntN(7)])
		}
		whole, console := newScreen(t)
		console.write(Stdout, text.String())
		console.release()
		cut, console := newScreen(t)
		for rest := text.String(); rest != ""; {
			size := 1 + chance.IntN(len(rest))
			console.write(Stdout, rest[:size])
			if rest = rest[size:]; chance.IntN(4) == 0 {
				console.release()
			}
		}
		console.release()
		for number, line := range whole.lines {
			if cut.lines[number] != line {
				t.Logf("line %d of %q is %q and %q", number, text.String(), line, cut.lines[number])
				return false
			}
		}
		return len(cut.lines) == len(whole.lines)
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
}
