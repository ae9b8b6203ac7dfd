package logline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// goLogTime is how Go's log package, with which aws-lambda-go writes error documents, begins a line.
const goLogTime = "2006/01/02 15:04:05 "

// shownFrames is how much of a stack trace is shown: where the panic began is what helps.
const shownFrames = 4

// errorDocument reads the line that aws-lambda-go writes for an error or a panic: a date and the error document that
// goes to the client as well. Its stack trace is cut down to the function's own frames.
func errorDocument(b []byte) (Line, bool) {
	if len(b) < len(goLogTime) {
		return Line{}, false
	}
	at, err := time.Parse(goLogTime, string(b[:len(goLogTime)]))
	doc := b[len(goLogTime):]
	if err != nil || !bytes.HasPrefix(doc, []byte(`{"errorMessage":`)) {
		return Line{}, false
	}
	var d struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
		Stack   []struct {
			Path  string `json:"path"`
			Line  int    `json:"line"`
			Label string `json:"label"`
		} `json:"stackTrace"`
	}
	if json.Unmarshal(doc, &d) != nil {
		return Line{}, false
	}
	l := Line{Kind: Structured, Time: at, Level: "ERROR", Message: d.Type + ": " + d.Message}
	for _, f := range d.Stack {
		if len(l.Attrs) < shownFrames && !foreign(f.Path) {
			l.Attrs = append(l.Attrs, Attr{"at", fmt.Sprintf("%s:%d", f.Path, f.Line)})
		}
	}
	return l, true
}

// ours are the frames of the library itself, between the handler and the function that it caches.
var ours = regexp.MustCompile(`stillwarm/(stillwarm(@[^/]*)?/)?(adapter|internal|httpcache|serialize|backends)/|stillwarm/lambda/[^/]*\.go`)

// foreign reports whether a frame belongs to Go or aws-lambda-go: every trace has the same ones.
func foreign(path string) bool {
	return strings.HasPrefix(path, "runtime/") || strings.HasPrefix(path, "reflect/") ||
		strings.Contains(path, "aws/aws-lambda-go") || ours.MatchString(path)
}
