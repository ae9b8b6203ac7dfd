// Package samples holds an event of each kind that AWS's services send to functions, for a first try. All but eventbridge
// are the test data of github.com/aws/aws-lambda-go, under the Apache License 2.0.
package samples

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed events
var files embed.FS

// Sample is an event by its name.
type Sample struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Event string `json:"event"` // JSON
}

// titles say whose events they are.
var titles = map[string]string{
	"http": "Function URL", "http-api": "HTTP API (payload 2.0)", "rest": "REST API", "alb": "Application Load Balancer",
	"websocket": "WebSocket API", "sqs": "SQS", "sns": "SNS", "s3": "S3 notification", "dynamodb": "DynamoDB stream",
	"kinesis": "Kinesis stream", "firehose": "Firehose transformation", "kafka": "Kafka (MSK)", "rabbitmq": "Amazon MQ, RabbitMQ",
	"activemq": "Amazon MQ, ActiveMQ", "logs": "CloudWatch Logs", "cognito-presignup": "Cognito, before sign-up",
	"authorizer": "REST API authorizer", "authorizer-v2": "HTTP API authorizer", "lex": "Lex", "ses": "SES",
	"iot-authorizer": "IoT authorizer", "s3-object-lambda": "S3 Object Lambda", "codepipeline": "CodePipeline job",
	"connect": "Amazon Connect", "secrets-rotation": "Secrets Manager rotation", "eventbridge": "EventBridge schedule",
}

// All returns every sample, sorted by name. The slice is the caller's own.
func All() []Sample {
	entries, err := fs.ReadDir(files, "events")
	if err != nil {
		return nil // the folder is part of the binary
	}
	var list []Sample
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".json")
		b, err := files.ReadFile("events/" + e.Name())
		if err == nil {
			list = append(list, Sample{name, titles[name], string(b)})
		}
	}
	return list
}

// ByName returns a sample, or an error that lists the names.
func ByName(name string) (Sample, error) {
	var names []string
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Sample{}, fmt.Errorf("there is no sample %q; there are %s", name, strings.Join(names, ", "))
}
