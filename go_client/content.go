package trackd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

// fileContent is the content of a file that a record is made of.
type fileContent struct {
	data []byte
	name string // without folders; empty for bytes
}

// readContent returns the bytes that were given, or those of the file at path.
func readContent(encoded []byte, path string) (fileContent, error) {
	content := fileContent{data: encoded}
	if path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			var failure *os.PathError
			if errors.As(err, &failure) {
				err = failure.Err
			}
			return content, fmt.Errorf("the file %q cannot be read (%w); give the path of a file", path, err)
		}
		content = fileContent{data, validText(filepath.Base(path))}
	}
	if len(content.data) == 0 {
		return content, fmt.Errorf("the file %q is empty (0 bytes); give one that holds something", path)
	}
	return content, nil
}

// suffix returns the ending of the file's name in small letters, without the point.
func (c fileContent) suffix() string {
	return strings.TrimPrefix(strings.ToLower(filepath.Ext(c.name)), ".")
}

// payload copies bytes that were given; those of a file are nobody else's.
func (c fileContent) payload(draft *draft) *pb.Payload {
	if c.name == "" {
		return draft.payload(c.data)
	}
	payload := draft.owned(c.data)
	payload.FileName = c.name
	return payload
}
