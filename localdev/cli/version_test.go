package cli

import (
	"bytes"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	if code := Main(t.Context(), []string{"--version"}, &out, &out); code != 0 || !strings.HasPrefix(out.String(), "localdev ") {
		t.Errorf("status %d: %s", code, out.String())
	}
	info := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"},
	}}
	if got := version(info, true); !strings.HasPrefix(got, "v1.2.3 0123456789ab (modified), go") {
		t.Error(got)
	}
}
