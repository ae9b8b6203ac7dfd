package logs_test

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/internal/logs"
)

// setDefault sets slog's default for the length of a test. Setting one redirects package log, too.
func setDefault(t *testing.T, l *slog.Logger) {
	t.Helper()
	old, out, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(l)
	t.Cleanup(func() {
		slog.SetDefault(old)
		log.SetOutput(out)
		log.SetFlags(flags)
	})
}

func TestDefault(t *testing.T) {
	t.Run("N6 JSON when deployed, text while developing", func(t *testing.T) {
		var deployed, developing bytes.Buffer
		logs.Default(&deployed, true).Info("hello", "n", 1)
		logs.Default(&developing, false).Info("hello", "n", 1)
		if !strings.HasPrefix(deployed.String(), `{"time":`) || !strings.Contains(developing.String(), "msg=hello n=1") {
			t.Fatal(deployed.String(), developing.String())
		}
	})
	t.Run("N6 slog's default is used where the program sets one, also later", func(t *testing.T) {
		var own, program bytes.Buffer
		l := logs.Default(&own, true)
		derived := l.With("a", 1).WithGroup("g").With("b", 2)
		l.Info("before")
		setDefault(t, slog.New(slog.NewTextHandler(&program, nil)))
		l.Info("after")
		derived.Info("derived", "c", 3)
		if strings.Count(own.String(), "\n") != 1 || !strings.Contains(own.String(), "before") {
			t.Errorf("own: %s", own.String())
		}
		if s := program.String(); !strings.Contains(s, "msg=after") || !strings.Contains(s, "msg=derived a=1 g.b=2 g.c=3") {
			t.Errorf("program's: %s", s)
		}
	})
	t.Run("the program's level decides", func(t *testing.T) {
		var own, program bytes.Buffer
		setDefault(t, slog.New(slog.NewTextHandler(&program, &slog.HandlerOptions{Level: slog.LevelDebug})))
		l := logs.Default(&own, true)
		if !l.Enabled(context.Background(), slog.LevelDebug) {
			t.Fatal("debug is not enabled")
		}
	})
	t.Run("a default made of our own logger ends nowhere but here", func(t *testing.T) {
		var own bytes.Buffer
		l := logs.Default(&own, true)
		setDefault(t, l)
		l.Info("one")
		setDefault(t, slog.New(wrapped{l.Handler()}))
		l.Info("two")
		if n := strings.Count(own.String(), "\n"); n != 2 {
			t.Fatalf("%d records: %s", n, own.String())
		}
	})
}

type wrapped struct{ slog.Handler }
