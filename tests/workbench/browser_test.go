package workbench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/stillwarm/stillwarm/localdev/runner"
	"github.com/stillwarm/stillwarm/localdev/tools"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// browser is a page in a headless Chromium.
type browser struct {
	ctx context.Context
	t   *testing.T
}

// open starts the browser, or skips the test where there is none; in CI that is a failure.
func open(t *testing.T) *browser {
	t.Helper()
	path, err := tools.Find("chromium")
	if err != nil {
		if servers.Required() {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx); cancel() })
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(cancel)
	b := &browser{ctx, t}
	b.do(chromedp.EmulateViewport(1400, 900))
	return b
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// eval evaluates an expression that gives a string.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return s
}

// sees waits until the text of what the selector finds has every one of the words, and returns that text.
func (b *browser) sees(selector string, words ...string) string {
	b.t.Helper()
	var text string
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); b.do(chromedp.Sleep(50 * time.Millisecond)) {
		text = b.eval(fmt.Sprintf("[...document.querySelectorAll(%s)].map(e => e.innerText).join('\\n')", quoted(selector)))
		all := true
		for _, w := range words {
			all = all && strings.Contains(text, w)
		}
		if all {
			return text
		}
	}
	b.t.Fatalf("%s does not show %q:\n%s", selector, words, text)
	return ""
}

// click clicks the first element that the selector finds and whose text is the word.
func (b *browser) click(selector, word string) {
	b.t.Helper()
	find := fmt.Sprintf("[...document.querySelectorAll(%s)].find(e => e.innerText.trim().startsWith(%s) && !e.disabled)", quoted(selector), quoted(word))
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); b.do(chromedp.Sleep(50 * time.Millisecond)) {
		if b.eval("(() => { const e = "+find+"; if (!e) return 'no'; e.click(); return 'yes' })()") == "yes" {
			return
		}
	}
	b.t.Fatalf("nothing to click: %s with %q in:\n%s", selector, word, b.eval("document.body.innerText"))
}

// set writes into a field as typing does.
func (b *browser) set(selector, value string) {
	b.t.Helper()
	b.sees("body")
	if got := b.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%s); if (!e) return "missing"; e.value = %s;
		e.dispatchEvent(new Event("input", {bubbles: true})); return "set" })()`, quoted(selector), quoted(value))); got != "set" {
		b.t.Fatalf("%s is %s", selector, got)
	}
}

func (b *browser) goTo(hash string) { b.eval("location.hash = " + quoted("#/"+hash)) }

func quoted(s string) string {
	j, _ := json.Marshal(s)
	return string(j)
}

// function copies the function into a folder of this module, so that it is built with what the module requires.
func function(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("testdata", "edited-") //nolint:usetesting // within this module
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, name := range []string{"main.go", "version.go"} {
		text, err := os.ReadFile(filepath.Join("testdata", "fn", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), string(text))
	}
	return dir
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestADayAtTheWorkbench walks through what a developer does. Each step stands on the one before.
func TestADayAtTheWorkbench(t *testing.T) {
	redis := servers.Redis(t, servers.WithPassword())
	dir := function(t)
	r, err := runner.Start(t.Context(), runner.Options{
		Function: dir, Watch: true, ServeBuildErrors: true, Containers: 1, Backend: redis.URL(), FastBuild: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	b := open(t)
	b.do(chromedp.Navigate(r.URL() + "/_stillwarm/"))
	send := func() {
		b.goTo("invocations")
		b.click("button[data-new]", "Send")
		b.click("form.composer button[type=submit]", "Send")
	}
	t.Log("open, send a request, see the miss with its reason")
	b.sees("main", "No invocations yet", "curl ")
	for _, v := range []struct{ view, says string }{
		{"cache", "Send a request"}, {"containers", "Send a request"}, {"advice", "twenty calls"}, {"invocations", "Send a request"},
	} {
		b.goTo(v.view)
		b.sees("main", v.says) // an empty view says what to do
		b.look("empty-" + v.view)
	}
	b.click("button[data-new]", "Send")
	b.sees("form.composer", "Headers")
	if got := b.eval("document.querySelector('form.composer select').value"); got != "GET" {
		t.Errorf("the method shows %q", got)
	}
	b.look("composer")
	b.click("form.composer button[type=submit]", "Send")
	b.sees(".waterfall", ".ask {City:\"/\" Token:[hidden]}", "miss not ", "ran ", ".open")
	b.sees(".detail .head", "GET /", "200")
	b.sees(".detail", "#1 cold", "billed", "memory", "handler", "Response", "first")
	t.Log("again, the hit with its tier")
	send()
	b.sees(".waterfall", "hit from memory", "fresh for")
	t.Log("freeze, thaw by a request, the validation")
	b.goTo("containers")
	b.sees(".card", "idle", ".ask", "1 entry")
	b.click(".card button", "Freeze")
	b.sees(".card", "frozen", "Held when it was frozen")
	send()
	b.sees(".waterfall", "validated")
	t.Log("the entry's value, then clear it, and miss")
	b.eval(`(() => { const real = window.fetch, held = new Promise(r => window.release = r);
		window.fetch = (...a) => String(a[0]).includes("/entries") ? held.then(() => real(...a)) : real(...a); return "held" })()`)
	b.click(".waterfall .call:last-child a", "edited-")
	if got := b.sees(".detail", "Entries in memory", "Reading"); strings.Contains(got, "not in memory") || strings.Contains(got, "holds none") {
		t.Errorf("the page says what memory holds before it has read it: %s", got)
	}
	b.eval(`(() => { window.release(); return "released" })()`)
	if got := b.sees(".values", "Highs", "City"); !strings.Contains(got, "main.weather") || strings.Contains(got, "clone") {
		t.Errorf("the value is not shown as the function returned it: %s", got)
	}
	b.look("value")
	if text := b.eval("document.querySelector('.detail').innerText"); strings.Contains(text, `Token:"hidden"`) {
		t.Errorf("the page shows a secret: %s", text)
	}
	b.click(".detail tr[data-row] button", "Clear")
	b.sees(".toast", "cleared")
	send()
	b.sees(".waterfall", "miss")
	t.Log("kill")
	b.goTo("containers")
	b.click(".card button", "Kill")
	b.sees("main", "No container runs")
	t.Log("break the code, read the error, mend it, see it answer")
	write(t, filepath.Join(dir, "version.go"), "package main\n\nconst version = undefinedName\n")
	b.sees(".banner.bad", "The build failed; version 1 still serves", "version.go:3", "undefined: undefinedName")
	b.look("failed-build")
	write(t, filepath.Join(dir, "version.go"), "package main\n\nconst version = \"second\"\n")
	b.sees("header", "version 2")
	send()
	b.sees(".detail", "second")
	t.Log("replay, and edited")
	b.click(".detail .head button", "Replay")
	b.sees(".detail .head", "6")
	b.click(".detail .head button", "Edit and send")
	b.sees("form.composer", "Ctrl-Enter sends")
	event := b.eval("document.querySelector('textarea[name=event]').value")
	b.set("textarea[name=event]", strings.Replace(event, `"rawPath": "/"`, `"rawPath": "/edited"`, 1))
	b.click("form.composer button[type=submit]", "Send")
	b.sees(".detail .head", "GET /edited")
	b.sees(".waterfall", "/edited", "ran ")
	t.Log("a value that only the backend holds")
	entry := b.eval("document.querySelector('.waterfall .call:last-child a').getAttribute('href')")
	b.goTo("containers")
	b.click(".card button", "Kill")
	b.sees("main", "No container runs")
	send()
	b.sees(".detail .head", "GET /", "200")
	b.goTo(strings.TrimPrefix(entry, "#/"))
	b.sees(".detail", "not in memory")
	b.sees(".values", "Highs", "City", "/edited")
	b.look("value-in-the-backend")
	t.Log("an outage at the top")
	redis.Kill()
	b.sees(".banner.bad", "Outage: Redis")
	b.sees("header", "outage")
	b.lookAtViews()
}

// look fails where something hangs over the edge of the window, wide and narrow, light and dark, and writes a picture of
// each where STILLWARM_SCREENSHOTS names a folder. The window is as it was afterwards.
func (b *browser) look(name string) {
	b.t.Helper()
	folder := os.Getenv("STILLWARM_SCREENSHOTS")
	for _, width := range []int64{390, 1400} {
		for _, scheme := range []string{"dark", "light"} {
			b.do(chromedp.EmulateViewport(width, 900))
			if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			}); err != nil {
				b.t.Fatal(err)
			}
			if over := b.eval(overhanging); over != "" {
				b.t.Errorf("%s at %d: %s hangs over the edge", name, width, over)
			}
			if folder == "" {
				continue
			}
			picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				b.t.Fatal(err)
			}
			write(b.t, filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), string(picture))
		}
	}
}

// lookAtViews looks at each view as the walk leaves it.
func (b *browser) lookAtViews() {
	b.look("invocation")
	for _, v := range []struct{ view, has string }{
		{"invocations", "Status"}, {"cache", "Hit rate"}, {"containers", "process"}, {"advice", "Nothing to mend"},
	} {
		b.goTo(v.view)
		b.sees("main", v.has)
		b.look(v.view)
	}
}

// overhanging finds what lies beyond the window's right edge and cannot be scrolled to.
const overhanging = `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 &&
	!e.closest(".scroll, .inside, nav, .values, pre, .skip, .unseen")).map(e => e.tagName + "." + e.className).slice(0, 3).join(" ")`
