package trackd

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// member is one entry of a mapping.
type member struct {
	key   string
	value any
}

// mapping is a map or struct: a map's members are sorted by key, a struct's in the order of its fields.
type mapping []member

// list is a slice or an array.
type list struct{ reflect.Value }

// recordList is a list of typed records; never empty.
type recordList []Record

// simplify returns a value as one of nil, bool, int64, float64, string, Record, recordList, mapping and list, one level deep.
func simplify(key string, value any) (simple any, err error) {
	switch value := value.(type) {
	case nil, bool, int64, float64, string, mapping, list, recordList:
		return value, nil
	case Values:
		return sortedMembers(value), nil
	case map[string]any:
		return sortedMembers(value), nil
	case int:
		return int64(value), nil
	case float32:
		return float64(value), nil
	case int32:
		return int64(value), nil
	case json.Number:
		return number(key, value)
	case []byte:
		return string(value), nil
	case time.Time:
		return value.Format(time.RFC3339Nano), nil
	case time.Duration:
		return value.Seconds(), nil
	}
	// From here on methods of the value's own type may run, which may fail in any way.
	defer func() {
		if failure := recover(); failure != nil {
			simple, err = nil, unreadable(key, value, fmt.Sprint(failure))
		}
	}()
	given := reflect.ValueOf(value)
	if isNil(given) {
		return nil, nil
	}
	switch value := value.(type) {
	case Record:
		return value, nil
	case json.Marshaler:
		text, err := value.MarshalJSON()
		if err != nil {
			return nil, unreadable(key, value, err.Error())
		}
		return fromJSON(key, value, text)
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		if err != nil {
			return nil, unreadable(key, value, err.Error())
		}
		return string(text), nil
	}
	return simplifyKind(key, value, given)
}

func simplifyKind(key string, value any, given reflect.Value) (any, error) {
	switch given.Kind() {
	case reflect.Bool:
		return given.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return given.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if given.Uint() > math.MaxInt64 {
			return float64(given.Uint()), nil // beyond 64 bits with a sign only the magnitude is kept
		}
		return int64(given.Uint()), nil
	case reflect.Float32, reflect.Float64:
		return given.Float(), nil
	case reflect.Complex64, reflect.Complex128:
		return fmt.Sprint(value), nil
	case reflect.String:
		return given.String(), nil
	}
	switch value := value.(type) {
	case error:
		return value.Error(), nil
	case fmt.Stringer:
		return value.String(), nil
	}
	switch given.Kind() {
	case reflect.Pointer, reflect.Interface:
		return simplifyPointer(key, given)
	case reflect.Map:
		return mapMembers(key, value, given)
	case reflect.Struct:
		return structMembers(given, 0), nil
	case reflect.Slice, reflect.Array:
		return simplifyList(key, given)
	}
	return nil, valueErrorf(key, "value of %q is a %T, which cannot be logged: log numbers, text, or slices and maps of them", key, value)
}

// simplifyPointer follows pointers to pointers only so far: a pointer may point at itself.
func simplifyPointer(key string, given reflect.Value) (any, error) {
	target := given
	for range nestingMax {
		target = target.Elem()
		if target.Kind() != reflect.Pointer && target.Kind() != reflect.Interface {
			return simplify(key, target.Interface())
		}
		if target.IsNil() {
			return nil, nil
		}
	}
	return nil, tooDeep(key)
}

func isNil(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan:
		return value.IsNil()
	}
	return false
}

func sortedMembers(values map[string]any) mapping {
	members := make(mapping, 0, len(values))
	for key, value := range values {
		members = append(members, member{key, value})
	}
	sortMembers(members)
	return members
}

func sortMembers(members mapping) {
	slices.SortFunc(members, func(left, right member) int { return strings.Compare(left.key, right.key) })
}

// mapMembers takes the keys that encoding/json takes: texts, integers and what marshals itself as text.
func mapMembers(key string, value any, given reflect.Value) (any, error) {
	members := make(mapping, 0, given.Len())
	for each := given.MapRange(); each.Next(); {
		name := each.Key()
		text := ""
		switch {
		case name.Kind() == reflect.String:
			text = name.String()
		case name.CanInt():
			text = strconv.FormatInt(name.Int(), 10)
		case name.CanUint():
			text = strconv.FormatUint(name.Uint(), 10)
		default:
			marshaler, marshals := name.Interface().(encoding.TextMarshaler)
			if !marshals {
				return nil, valueErrorf(key, "value of %q is a %T; keys of a map are texts or integers: give it such keys", key, value)
			}
			written, err := marshaler.MarshalText()
			if err != nil {
				return nil, unreadable(key, value, err.Error())
			}
			text = string(written)
		}
		members = append(members, member{text, each.Value().Interface()})
	}
	sortMembers(members)
	return members, nil
}

// structMembers returns the exported fields under the names that encoding/json gives them; NaN is kept, which it refuses.
func structMembers(given reflect.Value, depth int) mapping {
	var members mapping
	for position := range given.NumField() {
		field := given.Type().Field(position)
		value := given.Field(position)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" && options == "" {
			continue
		}
		if field.Anonymous && name == "" && depth < nestingMax {
			if value.Kind() == reflect.Pointer && !value.IsNil() {
				value = value.Elem()
			}
			if value.Kind() == reflect.Struct {
				members = append(members, structMembers(value, depth+1)...)
				continue
			}
		}
		omitted := strings.Split(options, ",")
		if !field.IsExported() || slices.Contains(omitted, "omitzero") && value.IsZero() ||
			slices.Contains(omitted, "omitempty") && isEmpty(value) {
			continue
		}
		members = append(members, member{firstText(name, field.Name), value.Interface()})
	}
	return members
}

func isEmpty(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array, reflect.String:
		return value.Len() == 0
	case reflect.Struct:
		return false
	}
	return value.IsZero()
}

// simplifyList tells a list of records of one kind from any other.
func simplifyList(key string, given reflect.Value) (any, error) {
	if given.Type().Elem().Kind() == reflect.Uint8 && given.Kind() == reflect.Slice {
		return string(given.Bytes()), nil
	}
	if given.Len() == 0 {
		return list{given}, nil
	}
	first, isRecord := given.Index(0).Interface().(Record)
	if !isRecord {
		return list{given}, nil
	}
	records := make(recordList, given.Len())
	for position := range records {
		record, isRecord := given.Index(position).Interface().(Record)
		if !isRecord || isNil(reflect.ValueOf(record)) || recordName(record) != recordName(first) {
			return nil, valueErrorf(key, "value of %q is a list of a %s and %T; a list holds records of one kind: log them under several keys",
				key, recordName(first), given.Index(position).Interface())
		}
		records[position] = record
	}
	return records, nil
}

// number returns a number of JSON, an integer where it is one of 64 bits.
func number(key string, text json.Number) (any, error) {
	if integer, err := text.Int64(); err == nil {
		return integer, nil
	}
	float, err := strconv.ParseFloat(string(text), 64)
	if err != nil && !math.IsInf(float, 0) {
		return nil, valueErrorf(key, "value of %q is the json.Number %q, which is no number: log it as text", key, string(text))
	}
	return float, nil
}

func fromJSON(key string, value any, text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var content any
	if err := decoder.Decode(&content); err != nil {
		return nil, unreadable(key, value, err.Error())
	}
	return simplify(key, content)
}

func unreadable(key string, value any, reason string) error {
	return valueErrorf(key, "value of %q is a %T, which cannot be read: %s", key, value, reason)
}
