package funcurl

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// separator ends the prelude of a streaming response.
var separator = make([]byte, 8)

// maxPrelude bounds the memory that a function without a separator can take.
const maxPrelude = 1 << 20

// ReadPrelude reads the head of a streaming response: a JSON object with statusCode, headers and cookies, then eight
// NUL bytes. It returns the head and what follows, unread. It blocks until the function has sent that much.
func ReadPrelude(r io.Reader) (Head, io.Reader, error) {
	br := bufio.NewReader(r)
	var text []byte
	for {
		part, err := br.ReadSlice(0) // JSON has no NUL in it, so the first one begins the separator
		text = append(text, part...)
		if err == nil {
			break
		}
		if len(text) > maxPrelude {
			return Head{}, nil, &ConversionError{Reason: fmt.Sprintf("its prelude is longer than %d bytes", maxPrelude)}
		}
		if errors.Is(err, io.EOF) {
			return Head{}, nil, &ConversionError{Reason: "its prelude does not end with eight NUL bytes"}
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return Head{}, nil, err
		}
	}
	rest := make([]byte, len(separator)-1)
	if _, err := io.ReadFull(br, rest); err != nil || !bytes.Equal(rest, separator[1:]) {
		return Head{}, nil, &ConversionError{Reason: "its prelude does not end with eight NUL bytes"}
	}
	var a answer
	if err := json.Unmarshal(text[:len(text)-1], &a); err != nil {
		return Head{}, nil, &ConversionError{Reason: "its prelude is not a JSON object: " + err.Error()}
	}
	head, err := a.head()
	if err != nil {
		return Head{}, nil, err
	}
	return head, br, nil
}
