package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	trackd "github.com/trackd/trackd/go_client"
)

// value returns what a case writes as the client's own value.
func value(given any) any {
	switch given := given.(type) {
	case []any:
		for position, each := range given {
			given[position] = value(each)
		}
	case map[string]any:
		if _, isTagged := given["$"]; isTagged {
			return tagged(given)
		}
		for key, each := range given {
			given[key] = value(each)
		}
	}
	return given
}

func tagged(given map[string]any) (made any) {
	var err error
	switch kind := given["$"]; kind {
	case "float":
		made, err = strconv.ParseFloat(fmt.Sprint(given["value"]), 64)
	case "int":
		made, err = strconv.ParseInt(fmt.Sprint(given["value"]), 10, 64)
	case "image":
		shape, pixels := as[[]int](given["shape"]), []byte{}
		for _, each := range as[[]int](given["pixels"]) {
			pixels = append(pixels, byte(each))
		}
		if fill, isFilled := given["fill"]; isFilled {
			pixels = bytes.Repeat([]byte{byte(as[int](fill))}, shape[0]*shape[1]*shape[2])
		}
		made = trackd.Image{Shape: shape, Pixels: pixels}
	case "histogram":
		made = trackd.Histogram{Values: as[[]float64](given["values"]), Bins: as[int](given["bins"])}
	case "table":
		table := trackd.NewTable(as[[]string](given["columns"])...)
		for _, row := range given["rows"].([]any) {
			table.AddRow(value(row).([]any)...)
		}
		made = table
	case "object3d":
		made = trackd.Object3D{Points: as[[][]float64](given["points"])}
	default:
		err = fmt.Errorf("no value is called %v", kind)
	}
	must(err)
	return made
}

// as returns JSON content as a type of Go.
func as[T any](content any) (made T) {
	text, err := json.Marshal(content)
	must(errors.Join(err, json.Unmarshal(text, &made)))
	return made
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
