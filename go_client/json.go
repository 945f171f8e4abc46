package trackd

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// appendJSON writes a value as JSON, with the tokens NaN, Infinity and -Infinity that Python's json has too. A float stays one:
// 1.0 is written with its point.
func appendJSON(text []byte, key string, value any, depth int) ([]byte, error) {
	if depth > nestingMax {
		return nil, tooDeep(key)
	}
	if len(text) > textBytesMax {
		return nil, tooLongJSON(key)
	}
	simple, err := simplify(key, value)
	if err != nil {
		return nil, err
	}
	switch simple := simple.(type) {
	case nil:
		return append(text, "null"...), nil
	case bool:
		return strconv.AppendBool(text, simple), nil
	case int64:
		return strconv.AppendInt(text, simple, 10), nil
	case float64:
		return appendFloat(text, simple), nil
	case string:
		return appendText(text, simple), nil
	case mapping:
		text = append(text, '{')
		for position, each := range simple {
			if position > 0 {
				text = append(text, ',')
			}
			text = append(appendText(text, each.key), ':')
			if text, err = appendJSON(text, key, each.value, depth+1); err != nil {
				return nil, err
			}
		}
		return append(text, '}'), nil
	case list:
		text = append(text, '[')
		for position := range simple.Len() {
			if position > 0 {
				text = append(text, ',')
			}
			if text, err = appendJSON(text, key, simple.Index(position).Interface(), depth+1); err != nil {
				return nil, err
			}
		}
		return append(text, ']'), nil
	}
	return nil, misplacedRecord(key, simple)
}

func tooLongJSON(key string) error {
	return valueErrorf(key, "value of %q is over %d bytes as text, which is the limit: log a part of it, or a statistic", key, textBytesMax)
}

func appendFloat(text []byte, number float64) []byte {
	switch {
	case math.IsNaN(number):
		return append(text, "NaN"...)
	case math.IsInf(number, 1):
		return append(text, "Infinity"...)
	case math.IsInf(number, -1):
		return append(text, "-Infinity"...)
	}
	start := len(text)
	text = strconv.AppendFloat(text, number, 'g', -1, 64)
	for _, character := range text[start:] {
		if character == '.' || character == 'e' {
			return text
		}
	}
	return append(text, ".0"...)
}

func appendText(text []byte, content string) []byte {
	const digits = "0123456789abcdef"
	content = validText(content)
	text = append(text, '"')
	for position := 0; position < len(content); {
		character, size := utf8.DecodeRuneInString(content[position:])
		switch {
		case character == '"' || character == '\\':
			text = append(text, '\\', byte(character))
		case character < ' ':
			text = append(text, '\\', 'u', '0', '0', digits[character>>4], digits[character&15])
		default:
			text = append(text, content[position:position+size]...)
		}
		position += size
	}
	return append(text, '"')
}
