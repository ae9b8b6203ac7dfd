package main

import (
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter/adaptertest"
)

func TestTheScheduleKeepsReportsWarm(t *testing.T) {
	ctx := adaptertest.New(t)
	for range 4 { // every four hours; the ttl is six
		if got, err := handle(ctx, request{WarmUp: []string{"daily", "weekly"}}); got != "2 reports are warm" || err != nil {
			t.Fatal(got, err)
		}
		adaptertest.Settle(ctx)
		adaptertest.Advance(ctx, 4*time.Hour)
	}
	user := adaptertest.Container(t, ctx)
	if got, err := handle(user, request{Report: "weekly"}); got != "the report weekly" || err != nil {
		t.Fatal(got, err)
	}
	adaptertest.Hit(t, user, reports)
}
