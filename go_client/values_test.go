package trackd

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"
)

// logged returns the values of a row as they are sent, and the first error.
func logged(t testing.TB, values Values) (map[string]any, error) {
	t.Helper()
	var first error
	problem := func(err error) {
		if first == nil {
			first = err
		}
	}
	builder := newRowBuilder(1, rowOptions{}, values)
	flatten(values, func(key string, value any) {
		if err := builder.add(key, value); err != nil {
			problem(err)
		}
	}, problem)
	plain := map[string]any{}
	for position, key := range builder.keys {
		plain[key] = plainOf(builder.cells[position].value())
	}
	return plain, first
}

type phase int

func (phase) String() string { return "warm up" }

type broken struct{}

func (broken) MarshalJSON() ([]byte, error) { panic("broken") }

type embedded struct {
	Rate float64 `json:"rate"`
}

type settingsOfAPerson struct {
	embedded
	Name   string            `json:"name"`
	Hidden string            `json:"-"`
	Empty  []int             `json:"empty,omitempty"`
	Zero   int               `json:"zero,omitzero"`
	Loss   float64           `json:"loss"`
	Inner  map[string]uint16 `json:"inner"`
	secret int
}

func TestKindsOfValues(t *testing.T) {
	number := 4
	moment := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	for name, test := range map[string]struct{ given, want any }{
		"float64":          {0.1, 0.1},
		"float32":          {float32(0.1), float64(float32(0.1))},
		"largest int64":    {int64(math.MaxInt64), int64(math.MaxInt64)},
		"smallest int64":   {int64(math.MinInt64), int64(math.MinInt64)},
		"int8":             {int8(-5), int64(-5)},
		"int32":            {int32(-5), int64(-5)},
		"uint8":            {uint8(255), int64(255)},
		"large uint64":     {uint64(math.MaxUint64), float64(math.MaxUint64)},
		"infinity":         {math.Inf(-1), math.Inf(-1)},
		"enumeration":      {phase(2), int64(2)},
		"json integer":     {json.Number("7"), int64(7)},
		"json float":       {json.Number("7.0"), 7.0},
		"large json":       {json.Number("1e999"), math.Inf(1)},
		"big integer":      {big.NewInt(12), int64(12)},
		"bool":             {true, true},
		"text":             {"ключ 🌍", "ключ 🌍"},
		"bytes":            {[]byte("bytes"), "bytes"},
		"no text":          {"a\xffb", `a\xffb`},
		"nil":              {nil, jsonText("null")},
		"nil pointer":      {(*int)(nil), jsonText("null")},
		"nil map":          {map[string]int(nil), jsonText("null")},
		"pointer":          {&number, int64(4)},
		"pointer twice":    {func() **int { p := &number; return &p }(), int64(4)},
		"time":             {moment, "2026-01-02T03:04:05.000006Z"},
		"pointer to time":  {&moment, "2026-01-02T03:04:05.000006Z"},
		"duration":         {1500 * time.Millisecond, 1.5},
		"error":            {errors.New("it failed"), "it failed"},
		"address":          {netip.MustParseAddr("127.0.0.1"), "127.0.0.1"},
		"complex":          {complex(1, 2), "(1+2i)"},
		"empty list":       {[]int{}, jsonText("[]")},
		"nil list":         {[]int(nil), jsonText("[]")},
		"mixed list":       {[]any{1, 2.5, "x", nil, true, 1.0}, jsonText(`[1,2.5,"x",null,true,1.0]`)},
		"array":            {[2]int{1, 2}, jsonText("[1,2]")},
		"NaN in a list":    {[]float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300}, jsonText("[NaN,Infinity,-Infinity,1e+300]")},
		"maps in a list":   {[]any{map[string]any{"b": 1, "a": []any{}}}, jsonText(`[{"a":[],"b":1}]`)},
		"structs in lists": {[]embedded{{math.NaN()}}, jsonText(`[{"rate":NaN}]`)},
		"escapes":          {[]string{"a\"b\\c\n\x01é"}, jsonText(`["a\"b\\c\u000a\u0001é"]`)},
		"raw json":         {json.RawMessage(`[1, 2.0]`), jsonText("[1,2.0]")},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := logged(t, Values{"key": test.given})
			if err != nil || !reflect.DeepEqual(got, map[string]any{"key": test.want}) {
				t.Errorf("%v became %#v (%v); %#v was expected", test.given, got["key"], err, test.want)
			}
		})
	}
	if got, _ := logged(t, Values{"key": math.NaN()}); !math.IsNaN(got["key"].(float64)) {
		t.Errorf("NaN became %v", got)
	}
}

func TestNestedValuesBecomeDottedKeys(t *testing.T) {
	got, err := logged(t, Values{
		"train": Values{"loss": 0.5, "top": map[string]any{"k1": 0.75}}, "n": 1,
		"person": &settingsOfAPerson{embedded: embedded{2}, Name: "x", Loss: math.Inf(1), Inner: map[string]uint16{"deep": 3}, secret: 1},
		"byRank": map[int]string{3: "three"},
		"a.b":    2, "a": Values{"b": 1},
	})
	want := map[string]any{
		"train.loss": 0.5, "train.top.k1": 0.75, "n": int64(1), "byRank.3": "three", "a.b": int64(2),
		"person.rate": 2.0, "person.name": "x", "person.loss": math.Inf(1), "person.inner.deep": int64(3),
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("values are %v (%v); %v were expected", got, err, want)
	}
}

func TestWhatCannotBeAValue(t *testing.T) {
	cycle := Values{}
	cycle["again"] = cycle
	var list []any
	list = append(list, &list)
	type pointer *pointer
	var self pointer
	self = &self
	deep := any(1)
	for range 100 {
		deep = []any{deep}
	}
	long := strings.Repeat("k", 513)
	for name, test := range map[string]struct {
		key   string
		value any
		says  []string
	}{
		"empty key":        {"", 1, []string{"key", "empty"}},
		"long key":         {long, 1, []string{"513", "512"}},
		"reserved":         {"_system/cpu", 1, []string{"_system/cpu"}},
		"console":          {"_console/x", 1, []string{"_console/x"}},
		"no text":          {"a\xff", 1, []string{"UTF-8"}},
		"long text":        {"key", strings.Repeat("x", 1<<20+1), []string{"key", "1048577", "1048576"}},
		"long list":        {"key", make([]float64, 400_000), []string{"key", "1048576"}},
		"function":         {"key", func() {}, []string{"key", "func()"}},
		"channel":          {"key", make(chan int), []string{"key", "chan int"}},
		"cycle":            {"key", cycle, []string{"key", "cycle"}},
		"list in itself":   {"key", list, []string{"key", "cycle"}},
		"pointer to self":  {"key", self, []string{"key", "cycle"}},
		"deep":             {"key", deep, []string{"key", "64"}},
		"panics":           {"key", broken{}, []string{"key", "broken"}},
		"no number":        {"key", json.Number("x"), []string{"key", `"x"`}},
		"keys of a map":    {"key", map[[2]int]int{{1, 2}: 3}, []string{"key", "map[[2]int]int"}},
		"record in a list": {"key", []any{1, Image{}}, []string{"key", "Image"}},
		"mixed records":    {"key", []Record{Image{}, Histogram{}}, []string{"key", "Image", "Histogram"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := logged(t, Values{test.key: test.value, "ok": 2})
			var wrong *ValueError
			if !errors.As(err, &wrong) || !strings.HasPrefix(wrong.Key, test.key) {
				t.Fatalf("the error is %v", err)
			}
			if !contains([]string{err.Error()}, test.says...) || len(err.Error()) > 1000 {
				t.Errorf("the error is %q; it must say %q", err, test.says)
			}
			if !reflect.DeepEqual(got, map[string]any{"ok": int64(2)}) {
				t.Errorf("kept is %v", got)
			}
		})
	}
}

func TestLargeRowsAreSplit(t *testing.T) {
	values, want := Values{}, map[string]any{}
	for number := range 8 {
		key := fmt.Sprint("text", number)
		values[key] = strings.Repeat("x", 1<<20)
		want[key] = values[key]
	}
	builder := newRowBuilder(1, rowOptions{}, values)
	flatten(values, func(key string, value any) {
		if err := builder.add(key, value); err != nil {
			t.Fatal(err)
		}
	}, func(err error) { t.Fatal(err) })
	items, got := builder.finish(), map[string]any{}
	for number, each := range items {
		if each.wireBytes > messageBytesAllowed {
			t.Errorf("a part has %d bytes", each.wireBytes)
		}
		if isLast := number == len(items)-1; isLast != (each.row.commit == commitUnset) {
			t.Errorf("part %d has commit %d", number, each.row.commit)
		}
		for position, key := range each.row.keys {
			got[key] = plainOf(each.row.cells[position].value())
		}
	}
	if len(items) < 3 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d parts hold %d values", len(items), len(got))
	}
}

// TestTextsReadBack is a property: what Go's own reader of JSON makes of a list of texts is what was logged.
func TestTextsReadBack(t *testing.T) {
	property := func(texts []string, numbers []int64) bool {
		var read struct {
			Texts   []string
			Numbers []int64
		}
		written, err := appendJSON(nil, "key", map[string]any{"Texts": texts, "Numbers": numbers}, 0)
		if err != nil || json.Unmarshal(written, &read) != nil {
			return false
		}
		for position, text := range texts {
			texts[position] = validText(text)
		}
		return slices.Equal(read.Texts, texts) && slices.Equal(read.Numbers, numbers)
	}
	if err := quick.Check(property, nil); err != nil {
		t.Error(err)
	}
}

// TestFloatsReadBack is a property: a float in a list keeps all its bits, and stays a float.
func TestFloatsReadBack(t *testing.T) {
	property := func(bits uint64) bool {
		number := math.Float64frombits(bits)
		if math.IsNaN(number) || math.IsInf(number, 0) {
			return true
		}
		text := string(appendFloat(nil, number))
		var read float64
		return json.Unmarshal([]byte(text), &read) == nil && read == number && strings.ContainsAny(text, ".e")
	}
	if err := quick.Check(property, nil); err != nil {
		t.Error(err)
	}
}
