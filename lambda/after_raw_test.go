package lambda_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/lambda/internal/runtimeapitest"
)

func TestOddHandlersOfBytes(t *testing.T) {
	t.Run("L3 one that panics: the document names its line, within the bound", func(t *testing.T) {
		s, p := run(t, "after: raw panic")
		d := document(t, answer(t, s.Send(runtimeapitest.Event{Payload: []byte("1")})))
		if d.Message != "code 7" || d.Stack[0].Label != "theRun" {
			t.Errorf("%+v", d)
		}
		runtimeapitest.Wait(t, "the end of the process", p.Exited())
	})
	t.Run("L3 one that returns nothing", func(t *testing.T) {
		s, _ := run(t, "after: raw nil")
		inv := s.Send(runtimeapitest.Event{Payload: []byte("1")})
		if a := answer(t, inv); a.Failed || len(a.Body) != 0 {
			t.Errorf("%+v", a)
		}
	})
	t.Run("L3 one that keeps its event", func(t *testing.T) {
		s, _ := run(t, "after: raw retained")
		for i, event := range []string{`{"n":1}`, `{"another":"longer event"}`, `[]`, `1`} {
			a := answer(t, s.Send(runtimeapitest.Event{Payload: []byte(event)}))
			if want := []string{"", `{"n":1}`, `{"another":"longer event"}`, `[]`}[i]; string(a.Body) != want {
				t.Errorf("answered %q, want %q", a.Body, want)
			}
		}
	})
	t.Run("L2 L3 a deadline in the past", func(t *testing.T) {
		s, _ := run(t, "after: late")
		s.Gate("work").Open()
		for n, want := range map[string]string{"1": "failed", "2": "taken true, ended true"} {
			inv := s.Send(runtimeapitest.Event{Payload: []byte(n), Timeout: -time.Minute})
			if a := answer(t, inv); !strings.Contains(string(a.Body), want) {
				t.Errorf("answered %q", a.Body)
			}
			runtimeapitest.Wait(t, "the next poll", inv.Done())
		}
	})
}

func TestPanicInARunNamesItsLine(t *testing.T) {
	for _, name := range []string{"after: panic in a run", "after: raw panic in a run"} {
		t.Run("F2 "+name, func(t *testing.T) {
			s, p := run(t, name)
			a := answer(t, s.Send(runtimeapitest.Event{Payload: []byte(`{}`)}))
			d := document(t, a)
			if d.Message != "code 7" || d.Type != "panickedError" {
				t.Errorf("message %q, type %q", d.Message, d.Type)
			}
			if len(d.Stack) == 0 || d.Stack[0].Label != "theRun" || !strings.HasSuffix(d.Stack[0].Path, "lambda_test/after_test.go") && !strings.HasSuffix(d.Stack[0].Path, "lambda/after_test.go") {
				t.Fatalf("stack %v", d.Stack)
			}
			runtimeapitest.Wait(t, "the end of the process", p.Exited())
			if !strings.Contains(p.Log(), `"label":"theRun"`) {
				t.Error("the log does not name the line")
			}
		})
	}
}

func TestStreamIsSentAsItComesAndHoldsItsResources(t *testing.T) {
	s, _ := run(t, "after: stream")
	inv := s.Send(runtimeapitest.Event{Payload: []byte("1")})
	runtimeapitest.Wait(t, "the first part", inv.Begun())
	runtimeapitest.Wait(t, "the gate before the rest", s.Gate("rest").Reached())
	if isClosed(s.Gate("work").Reached()) {
		t.Error("the work began before the stream was sent")
	}
	s.Gate("rest").Open()
	if a := answer(t, inv); string(a.Body) != "first,resource open: true" {
		t.Errorf("answered %q", a.Body)
	}
	runtimeapitest.Wait(t, "the work", s.Gate("work").Reached())
	s.Gate("work").Open()
	runtimeapitest.Wait(t, "the end", inv.Done())
}
