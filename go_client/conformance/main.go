// Command driver is the Go client's driver of the conformance suite (conformance/README.md): it takes actions as JSON lines on stdin,
// does them with the client's public interface, and answers each with a line on stdout.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	trackd "github.com/trackd/trackd/go_client"
)

// action is one line of stdin; each kind has its own fields.
type action struct {
	Do                                             string
	Project, ID, Name, Group, Notes, Label, Mode   string
	Key, Summary, Goal, Title, Text, Level, Stream string
	JobType                                        string `json:"job_type"`
	StepMetric                                     string `json:"step_metric"`
	Tags                                           []string
	Config, Data, Set                              map[string]any
	Step                                           *int64
	Commit, Hidden                                 *bool
	Count                                          int
	Alternate                                      bool
	TimeoutSeconds                                 float64 `json:"timeout_seconds"`
	ExitCode                                       int     `json:"exit_code"`
}

// do does one action with the run that the last init has begun.
func do(run **trackd.Run, given action) (err error) {
	ctx := context.Background()
	switch given.Do {
	case "init":
		value(given.Config)
		*run, err = trackd.Init(trackd.Options{
			Project: given.Project, ID: given.ID, Name: given.Name, Config: given.Config, Tags: given.Tags, Group: given.Group,
			JobType: given.JobType, Notes: given.Notes, Label: given.Label, Mode: given.Mode,
			NoStartDaemon: true, Quiet: true, FinishTimeout: 20 * time.Second,
		})
		return err
	case "log":
		var options []trackd.LogOption
		if given.Step != nil {
			options = append(options, trackd.Step(*given.Step))
		}
		if given.Commit != nil {
			options = append(options, trackd.Commit(*given.Commit))
		}
		value(given.Data)
		return (*run).Log(given.Data, options...)
	case "log_many":
		for number := 0; number < given.Count && err == nil; number++ {
			values := trackd.Values{given.Key: number}
			if given.Alternate && number%2 == 1 {
				values[given.Key+"_odd"] = true
			}
			err = (*run).Log(values)
		}
		return err
	case "config":
		value(given.Set)
		return (*run).Config().Update(given.Set)
	case "summary":
		value(given.Set)
		return (*run).Summary().Update(given.Set)
	case "define_metric":
		return (*run).DefineMetric(given.Name, trackd.MetricOptions{
			StepMetric: given.StepMetric, Summary: given.Summary, Goal: given.Goal, Hidden: given.Hidden,
		})
	case "alert":
		return (*run).Alert(given.Title, trackd.AlertOptions{Text: given.Text, Level: given.Level})
	case "console":
		stream := map[string]trackd.Stream{"": trackd.Stdout, "stdout": trackd.Stdout, "stderr": trackd.Stderr}[given.Stream]
		_, err = io.WriteString((*run).Console(stream), given.Text)
		return err
	case "flush":
		if given.TimeoutSeconds == 0 {
			given.TimeoutSeconds = 20
		}
		ctx, cancel := context.WithTimeout(ctx, time.Duration(given.TimeoutSeconds*float64(time.Second)))
		defer cancel()
		return (*run).Flush(ctx)
	case "finish":
		return (*run).FinishWith(ctx, given.ExitCode)
	}
	return fmt.Errorf("no action is called %q", given.Do)
}

// answer returns the line that says how an action went.
func answer(err error) any {
	var usage *trackd.UsageError
	var timeout *trackd.TimeoutError
	kind := "value"
	switch {
	case err == nil:
		return map[string]bool{"ok": true}
	case errors.As(err, &usage):
		kind = "usage"
	case errors.As(err, &timeout):
		kind = "timeout"
	}
	return map[string]any{"error": map[string]string{"kind": kind, "message": err.Error()}}
}

func main() {
	var run *trackd.Run
	lines, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	lines.UseNumber()
	for {
		var given action
		err := lines.Decode(&given)
		if err == io.EOF {
			return
		}
		must(err)
		must(answers.Encode(answer(do(&run, given))))
	}
}
