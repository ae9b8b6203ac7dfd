// Command sqs handles orders from a queue. Every message reaches the handler; what it looks up about customers is cached.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/s3"
	"github.com/stillwarm/stillwarm/lambda"
)

type order struct {
	Customer string `json:"customer"`
	Cents    int    `json:"cents"`
}

type customer struct{ Name, Tier string }

var customers = adapter.CacheBatch(loadCustomers, adapter.TTL("1h"), adapter.FailSafe("1d"))

// loadCustomers gets only the ids that nothing is cached for, each once. It stands in for one query of a database.
func loadCustomers(_ context.Context, ids []string) ([]customer, error) {
	found := make([]customer, len(ids))
	failed := map[int]error{}
	for i, id := range ids {
		if id == "" {
			failed[i] = errors.New("an order without a customer")
			continue
		}
		found[i] = customer{Name: "customer " + id, Tier: "standard"}
	}
	if len(failed) > 0 {
		return found, &adapter.BatchError{Errs: failed}
	}
	return found, nil
}

func handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	orders := make([]order, len(e.Records))
	ids := make([]string, len(e.Records))
	for i, m := range e.Records {
		if err := json.Unmarshal([]byte(m.Body), &orders[i]); err != nil {
			slog.ErrorContext(ctx, "an order that cannot be read", "message", m.MessageId, "error", err)
		}
		ids[i] = orders[i].Customer
	}
	found, err := customers.GetAll(ctx, ids)
	var some *adapter.BatchError
	if err != nil && !errors.As(err, &some) {
		return events.SQSEventResponse{}, err // all of them come again
	}
	var answer events.SQSEventResponse
	for i, m := range e.Records {
		if some != nil && some.Errs[i] != nil {
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			continue
		}
		slog.InfoContext(ctx, "order", "customer", found[i].Name, "cents", orders[i].Cents)
	}
	return answer, nil
}

func main() { lambda.Start(handle) }
