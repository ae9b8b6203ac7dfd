package samples

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestSamples(t *testing.T) {
	all := All()
	if len(all) != len(titles) {
		t.Errorf("%d files, %d titles", len(all), len(titles))
	}
	for _, s := range all {
		if !json.Valid([]byte(s.Event)) || s.Title == "" {
			t.Errorf("%s: valid JSON %v, title %q", s.Name, json.Valid([]byte(s.Event)), s.Title)
		}
	}
	if s, err := ByName("sqs"); err != nil || !strings.Contains(s.Event, "Records") {
		t.Errorf("%v", err)
	}
	if _, err := ByName("sqz"); err == nil || !strings.Contains(err.Error(), "sqs") {
		t.Errorf("%v", err)
	}
}
