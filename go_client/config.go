package trackd

import (
	"unicode/utf8"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

// Config are the settings of a run, such as a learning rate.
type Config struct{ run *Run }

// Set sets one setting. See Update.
func (c *Config) Set(key string, value any) error { return c.Update(Values{key: value}) }

// Update sets settings by top-level key. A value is what Run.Log takes, but for typed records; a nested map or struct stays one.
// The error is a *ValueError that names the first key that cannot be kept, after the others were; a *UsageError when the run is
// finished.
func (c *Config) Update(values Values) error {
	update := &pb.ConfigUpdate{}
	first := eachCell(sortedMembers(values), nil, func(entry *pb.Entry) { update.Set = append(update.Set, entry) })
	if len(update.Set) > 0 {
		if err := c.run.record("Config", &pb.Record{Kind: &pb.Record_ConfigUpdate{ConfigUpdate: update}}, &draft{}); err != nil {
			return err
		}
	}
	return first
}

// Summary are the values that stand for a whole run: the last of each metric, or what Run.DefineMetric says, and what is set here.
type Summary struct{ run *Run }

// Set sets one value. See Update.
func (s *Summary) Set(key string, value any) error { return s.Update(Values{key: value}) }

// Update sets values by hand, which rows then no longer overwrite. A value is what Run.Log takes, and so are the errors.
func (s *Summary) Update(values Values) error {
	update, draft := &pb.SummaryUpdate{}, &draft{}
	var first error
	problem := func(err error) {
		if first == nil {
			first = err
		}
	}
	flatten(values, func(key string, value any) {
		if err := eachCell(mapping{{key, value}}, draft, func(entry *pb.Entry) { update.Set = append(update.Set, entry) }); err != nil {
			problem(err)
		}
	}, problem)
	if len(update.Set) > 0 {
		if err := s.run.record("Summary", &pb.Record{Kind: &pb.Record_SummaryUpdate{SummaryUpdate: update}}, draft); err != nil {
			return err
		}
	}
	return first
}

// eachCell visits the entries of members and returns the first error.
func eachCell(members mapping, draft *draft, visit func(*pb.Entry)) (first error) {
	for _, each := range members {
		err := checkPlainKey(each.key)
		var made cell
		if err == nil {
			made, err = toCell(each.key, each.value, draft)
		}
		if err == nil {
			visit(&pb.Entry{Key: each.key, Value: made.value()})
		} else if first == nil {
			first = err
		}
	}
	return first
}

// checkPlainKey says why a key of config or summary cannot be one.
func checkPlainKey(key string) error {
	if key == "" || len(key) > keyBytesMax || !utf8.ValidString(key) {
		return valueErrorf(key, "key is %q, of %d bytes; it is text of 1 to %d bytes: give another", shorten(key), len(key), keyBytesMax)
	}
	return nil
}
