package lambda_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/lambda"
	"github.com/stillwarm/stillwarm/lambda/internal/runtimeapitest"
)

var payloads = []string{
	`{"item":"tea","count":3,"tags":["<a>","&"]}`,
	`{"item":"tea","surprise":12345678901234567890}`,
	`{}`, `null`, `"dGVh"`, `"fail"`, `17`, ` [1, 2] `, `{"item":`, ``, `not json`,
}

// TestSameAsAWSLambdaGo runs every handler behind both packages' Start with the same events.
func TestSameAsAWSLambdaGo(t *testing.T) {
	all := signatures()
	maps.Copy(all, responses())
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, got := answers(t, name, plain), answers(t, name, ours)
			if len(want) != len(got) || len(want) == 0 {
				t.Fatalf("answered %d events, want %d", len(got), len(want))
			}
			_, raw := all[name].handler.(lambda.Handler)
			for i := range want {
				if event := payloads[i]; raw && (!json.Valid([]byte(event)) || strings.TrimSpace(event) != event) {
					continue // Lambda sends JSON only, and a handler of bytes gets it without space around it
				}
				same(t, payloads[i], want[i], got[i])
			}
		})
	}
}

// answers sends the events one by one until all are answered or the function has exited.
func answers(t *testing.T, name, starter string) (all []runtimeapitest.Answer) {
	t.Helper()
	s, p := run(t, name, envStarter+"="+starter)
	for _, payload := range payloads {
		inv := s.Send(runtimeapitest.Event{Payload: []byte(payload)})
		select {
		case <-inv.Answered():
			all = append(all, inv.Answer())
		case <-p.Exited():
			return all
		}
	}
	return all
}

func same(t *testing.T, payload string, want, got runtimeapitest.Answer) {
	t.Helper()
	check := func(what string, want, got any) {
		t.Helper()
		if want != got {
			t.Errorf("event %q: %s is %q, want %q", payload, what, got, want)
		}
	}
	check("failed", want.Failed, got.Failed)
	check("content type", want.ContentType, got.ContentType)
	check("error type trailer", want.Trailer.Get("Lambda-Runtime-Function-Error-Type"), got.Trailer.Get("Lambda-Runtime-Function-Error-Type"))
	check("error body trailer", want.Trailer.Get("Lambda-Runtime-Function-Error-Body"), got.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
	if !bytes.Contains(want.Body, []byte(`"stackTrace"`)) {
		check("body", string(want.Body), string(got.Body))
		check("cause for X-Ray", want.XRayCause, got.XRayCause)
		return
	}
	w, g := document(t, want), document(t, got)
	check("error message", w.Message, g.Message)
	check("error type", w.Type, g.Type)
	// Ours begins with the line that panicked; aws-lambda-go's has its own frames and the runtime's in front. The frames
	// below the handler are those of whoever called it; down to the handler they must agree.
	theirs := slices.DeleteFunc(w.Stack, func(f frame) bool {
		return strings.HasPrefix(f.Path, "runtime/") || strings.Contains(f.Path, "aws-lambda-go")
	})
	for i, frame := range theirs {
		if strings.HasPrefix(frame.Path, "reflect/") {
			break
		}
		if i >= len(g.Stack) {
			t.Fatalf("event %q: the stack ends after %d frames", payload, i)
		}
		check("frame", frame, g.Stack[i])
	}
}

type frame struct {
	Path  string `json:"path"`
	Label string `json:"label"`
	Line  int    `json:"line"`
}

type errorDocument struct {
	Message string  `json:"errorMessage"`
	Type    string  `json:"errorType"`
	Stack   []frame `json:"stackTrace"`
}

func document(t *testing.T, a runtimeapitest.Answer) (d errorDocument) {
	t.Helper()
	if err := json.Unmarshal(a.Body, &d); err != nil {
		t.Fatalf("error document %q: %v", a.Body, err)
	}
	return d
}
