package workbench

import (
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/localdev/runner"
)

// TestLoad sends 200 requests a second through ten containers: for a second, or for as many as STILLWARM_LOAD_SECONDS says.
func TestLoad(t *testing.T) {
	seconds := 1
	if n, err := strconv.Atoi(os.Getenv("STILLWARM_LOAD_SECONDS")); err == nil && n > 0 {
		seconds = n
	}
	r, err := runner.Start(t.Context(), runner.Options{
		Function: function(t), Containers: 10, FastBuild: true, QueueTimeout: 5 * time.Minute, Timeout: 5 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	get := func(path string) (string, error) {
		response, err := client.Get(r.URL() + path)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		b, err := io.ReadAll(response.Body)
		return response.Status + " " + string(b), err
	}
	burst := func(n int) {
		var wg sync.WaitGroup
		var lost atomic.Int64
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for i := range n {
			<-tick.C
			wg.Go(func() {
				path := "/" + strconv.Itoa(i%50)
				if got, err := get(path); err != nil || !strings.HasPrefix(got, `200 OK "`+path+` [21 23]`) {
					lost.Add(1)
					t.Logf("%s: %s, %v", path, got, err)
				}
			})
			if i%100 == 99 { // the page answers meanwhile
				if state, err := get("/_stillwarm/state"); err != nil || !strings.HasPrefix(state, "200 OK {") {
					t.Errorf("the page: %.100s, %v", state, err)
				}
			}
		}
		wg.Wait()
		if lost.Load() > 0 {
			t.Errorf("%d of %d responses were lost", lost.Load(), n)
		}
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	burst(600) // until everything that is bounded is full
	before := heap()
	began := time.Now()
	burst(200 * seconds)
	t.Logf("%d requests in %s, heap %d KB before and %d KB after", 200*seconds, time.Since(began).Round(time.Millisecond), before>>10, heap()>>10)
	if after := heap(); after > before+8<<20 {
		t.Errorf("the runner's memory grew from %d KB to %d KB", before>>10, after>>10)
	}
}
