package adapter

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// A run shows that it runs after spinnerDelay, and then, in development, every spinnerTick.
const (
	spinnerDelay = 100 * time.Millisecond
	spinnerTick  = time.Second
)

// start begins to show that a function runs, and returns what ends it.
func (s spinner) start(ctx context.Context, rt *Runtime, function string) func() {
	if s.off {
		return func() {}
	}
	text := s.text
	if text == "" {
		text = "Running " + shortName(function) + "(...)"
	}
	p := &progress{ctx: ctx, rt: rt, function: function, text: text, began: time.Now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(spinnerDelay, p.show)
	return p.end
}

// progress is one run that is shown.
type progress struct {
	ctx            context.Context
	rt             *Runtime
	function, text string
	began          time.Time

	mu           sync.Mutex
	timer        *time.Timer
	shown, ended bool
}

func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.shown = true
	p.say(false)
	if p.rt.development() {
		p.timer.Reset(spinnerTick)
	}
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.timer.Stop()
	if p.shown && p.rt.development() {
		p.say(true)
	}
}

func (p *progress) say(done bool) {
	level := slog.LevelDebug
	if p.rt.development() {
		level = slog.LevelInfo
	}
	p.rt.log(p.ctx, level, "running", "text", p.text, "function", p.function,
		"elapsedMs", time.Since(p.began).Milliseconds(), "done", done)
}
