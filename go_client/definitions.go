package trackd

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

// MetricOptions say how a metric is drawn and summarised.
type MetricOptions struct {
	// StepMetric is the metric that is the x axis.
	StepMetric string
	// StepSync is whether the last value of StepMetric joins rows that lack it; nil means when StepMetric is given.
	StepSync *bool
	// Hidden is whether its chart is left out by default; nil leaves it.
	Hidden *bool
	// Summary is what the summary keeps: one or several of min, max, mean, first, last, best, copy and none, with commas between;
	// empty means the last value.
	Summary string
	// Goal is "minimize" or "maximize", for best.
	Goal string
	// Overwrite is whether earlier definitions of the name are forgotten; otherwise they are merged.
	Overwrite bool
}

var summaryKinds = map[string]pb.SummaryKind{
	"min": pb.SummaryKind_SUMMARY_KIND_MIN, "max": pb.SummaryKind_SUMMARY_KIND_MAX, "mean": pb.SummaryKind_SUMMARY_KIND_MEAN,
	"first": pb.SummaryKind_SUMMARY_KIND_FIRST, "last": pb.SummaryKind_SUMMARY_KIND_LAST, "best": pb.SummaryKind_SUMMARY_KIND_BEST,
	"copy": pb.SummaryKind_SUMMARY_KIND_COPY, "none": pb.SummaryKind_SUMMARY_KIND_NONE,
}

var goals = map[string]pb.Goal{
	"": pb.Goal_GOAL_UNSPECIFIED, "minimize": pb.Goal_GOAL_MINIMIZE, "maximize": pb.Goal_GOAL_MAXIMIZE,
}

// DefineMetric says how a metric is drawn and summarised. The name is the metric's, or a prefix followed by *. A whole name wins over
// a glob, a longer glob over a shorter one.
//
// The error is a *UsageError, where an option is none of these or the run is finished, or a *ValueError, where a name cannot be a
// metric's.
func (r *Run) DefineMetric(name string, options MetricOptions) error {
	if err := checkKey(name); err != nil {
		return err
	}
	if position := strings.IndexByte(name, '*'); position >= 0 && position < len(name)-1 {
		return usageErrorf("metric name is %q; a glob can only end in *, like train/*: correct it", name)
	}
	if options.StepMetric != "" {
		if err := checkKey(options.StepMetric); err != nil {
			return err
		}
	}
	definition := &pb.MetricDefinition{
		Name: name, StepMetric: options.StepMetric, StepSync: options.StepSync, Hidden: options.Hidden, Overwrite: options.Overwrite,
	}
	for _, kind := range splitNames(strings.ToLower(options.Summary)) {
		known, isKnown := summaryKinds[kind]
		if !isKnown {
			return usageErrorf("summary is %q; it can be min, max, mean, first, last, best, copy or none: correct it", kind)
		}
		definition.SummaryKinds = append(definition.SummaryKinds, known)
	}
	goal, isKnown := goals[options.Goal]
	if !isKnown {
		return usageErrorf(`goal is %q; it can be "minimize" or "maximize": choose one of them`, options.Goal)
	}
	definition.Goal = goal
	return r.record("DefineMetric", &pb.Record{Kind: &pb.Record_MetricDefinition{MetricDefinition: definition}}, &draft{})
}

// AlertOptions are what an alert says beside its title.
type AlertOptions struct {
	// Text are more words, at most 1 MiB.
	Text string
	// Level is "INFO" (the default), "WARN" or "ERROR", in any case of letters.
	Level string
	// Wait is the least time between two alerts of one title; others are left out.
	Wait time.Duration
}

var alertLevels = map[string]pb.AlertLevel{
	"": pb.AlertLevel_ALERT_LEVEL_INFO, "INFO": pb.AlertLevel_ALERT_LEVEL_INFO,
	"WARN": pb.AlertLevel_ALERT_LEVEL_WARN, "ERROR": pb.AlertLevel_ALERT_LEVEL_ERROR,
}

// Alert asks for the user's attention; the title is one line. The error is a *UsageError, where the level is none of these, the text
// is too long, or the run is finished.
func (r *Run) Alert(title string, options AlertOptions) error {
	level, isKnown := alertLevels[strings.ToUpper(options.Level)]
	if !isKnown {
		return usageErrorf("alert level is %q; it can be INFO, WARN or ERROR: choose one of them", options.Level)
	}
	if size := len(title) + len(options.Text); size > textBytesMax || !utf8.ValidString(title+options.Text) {
		return usageErrorf("alert %q has %d bytes; it is text of at most %d: shorten it", shorten(title), size, textBytesMax)
	}
	return r.record("Alert", &pb.Record{Kind: &pb.Record_Alert{Alert: &pb.Alert{
		Title: title, Text: options.Text, Level: level, WaitSeconds: math.Max(0, options.Wait.Seconds()),
	}}}, &draft{})
}
