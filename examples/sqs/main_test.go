package main

import (
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/adapter/adaptertest"
)

func TestOnlyWhatFailsComesAgain(t *testing.T) {
	ctx := adaptertest.New(t)
	e := events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "1", Body: `{"customer":"7","cents":100}`},
		{MessageId: "2", Body: `{"cents":100}`},
		{MessageId: "3", Body: `no order`},
		{MessageId: "4", Body: `{"customer":"7","cents":200}`},
	}}
	answer, err := handle(ctx, e)
	if err != nil || len(answer.BatchItemFailures) != 2 || answer.BatchItemFailures[0].ItemIdentifier != "2" {
		t.Errorf("%+v %v", answer, err)
	}
	if c, err := customers.Get(ctx, "7"); c.Name != "customer 7" || err != nil {
		t.Errorf("%+v %v", c, err)
	}
	adaptertest.Hit(t, ctx, customers)
}
