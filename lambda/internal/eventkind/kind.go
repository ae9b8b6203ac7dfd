// Package eventkind knows the types of github.com/aws/aws-lambda-go/events, by package and name and without importing them: which
// are HTTP requests, which ask for an answer that can be cached, which of their fields change at each delivery, and which
// must reach the handler each time.
package eventkind

import (
	"reflect"
	"strings"
)

// Class says what may be done with events of a type.
type Class uint8

// The classes.
const (
	Own      Class = iota // a type that is none of the events package's events: keyed whole
	HTTP                  // an HTTP request: the rules of HTTP caching decide
	Request               // asks for an answer: keyed without the fields that change at each delivery
	Delivery              // a notification, a batch of a queue or a stream, a job: each must reach the handler
)

// Kind is what is known of a type.
type Kind struct {
	Class Class
	Name  string // as users write it, such as events.SQSEvent
	// Omit are the fields that change at each delivery, as paths: "RequestContext.RequestID", and "Headers[name]" for a key of a
	// map, in any case.
	Omit []string
	// Never is a field; an event that has it is never cached, for the reason NeverWhy.
	Never, NeverWhy string
	// Why says why a delivery must reach the handler, as the end of a sentence that begins with the type.
	Why string
}

const eventsPath = "github.com/aws/aws-lambda-go/events"

// Of returns what is known of a type, or of what it points to. A struct that embeds a delivery is one.
func Of(t reflect.Type) Kind {
	if t == nil {
		return Kind{}
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if k := named(t); k.Class != Own || t.Kind() != reflect.Struct {
		return k
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous && f.Tag.Get("cache") != "-" {
			if k := named(f.Type); k.Class == Delivery {
				return k
			}
		}
	}
	return Kind{}
}

func named(t reflect.Type) Kind {
	if path := t.PkgPath(); path != eventsPath && !strings.HasSuffix(path, "/vendor/"+eventsPath) {
		return Kind{}
	}
	k := byName(t.Name())
	if k.Class != Own {
		k.Name = "events." + t.Name()
	}
	return k
}

// trace are the fields of a request that are new at each delivery: the id of the trace, the id that CloudFront gives, the nonce of
// a handshake.
func trace(maps ...string) (omit []string) {
	for _, m := range maps {
		omit = append(omit, m+"[X-Amzn-Trace-Id]", m+"[X-Amz-Cf-Id]", m+"[Sec-WebSocket-Key]")
	}
	return omit
}

// byName is a switch and not a map: a map would be built at each cold start.
func byName(name string) Kind {
	if k := request(name); k.Class != Own {
		return k
	}
	if why := delivery(name); why != "" {
		return Kind{Class: Delivery, Why: why}
	}
	return Kind{}
}

func request(name string) Kind {
	switch name {
	case "APIGatewayV2HTTPRequest", "LambdaFunctionURLRequest", "APIGatewayProxyRequest", "ALBTargetGroupRequest":
		return Kind{Class: HTTP}

	case "APIGatewayCustomAuthorizerRequest", "IoTCustomAuthorizerRequest", "AppSyncResolverTemplate", "LexEvent":
		return Kind{Class: Request}
	case "APIGatewayCustomAuthorizerRequestTypeRequest":
		return Kind{Class: Request, Omit: append(trace("Headers", "MultiValueHeaders"), "RequestContext.RequestID")}
	case "APIGatewayV2CustomAuthorizerV1Request":
		return Kind{Class: Request, Omit: append(trace("Headers"), "RequestContext.RequestID")}
	case "APIGatewayV2CustomAuthorizerV2Request":
		return Kind{Class: Request, Omit: append(trace("Headers"),
			"RequestContext.RequestID", "RequestContext.Time", "RequestContext.TimeEpoch")}
	case "AppSyncLambdaAuthorizerRequest":
		return Kind{Class: Request, Omit: []string{"RequestContext.RequestID"}}
	case "IoTCoreCustomAuthorizerRequest":
		return Kind{Class: Request, Omit: append(trace("ProtocolData.HTTP.Headers"), "ConnectionMetadata.ID")}
	case "ClientVPNConnectionHandlerRequest":
		return Kind{Class: Request, Omit: []string{"ConnectionID"}}

	case "S3ObjectLambdaEvent":
		return Kind{Class: Request, Never: "GetObjectContext",
			NeverWhy: "a GetObject is answered with a token that holds for one request",
			Omit: append(trace("UserRequest.Headers"), "UserRequest.Headers[X-Amz-Date]",
				"UserRequest.Headers[Amz-Sdk-Invocation-Id]", "UserRequest.Headers[Amz-Sdk-Request]", "XAmzRequestID",
				"ListObjectsContext.InputS3URL", "ListObjectsV2Context.InputS3URL", "HeadObjectContext.InputS3URL")}

	case "CognitoEventUserPoolsPreSignup", "CognitoEventUserPoolsPreAuthentication", "CognitoEventUserPoolsMigrateUser",
		"CognitoEventUserPoolsPreTokenGen", "CognitoEventUserPoolsPreTokenGenV2", "CognitoEventUserPoolsPreTokenGenV2_0",
		"CognitoEventUserPoolsCustomMessage", "CognitoEventUserPoolsInboundFederation",
		"CognitoEventUserPoolsDefineAuthChallenge", "CognitoEventUserPoolsVerifyAuthChallenge":
		return Kind{Class: Request}
	}
	return Kind{}
}

// Why a delivery must reach the handler.
const (
	queue        = "is a batch from a queue, and an answer from the cache would acknowledge messages that nobody has handled"
	stream       = "is a batch from a stream, and an answer from the cache would pass over records, or repeat which of another batch failed"
	notification = "tells that something has happened, and an answer from the cache would lose it"
	job          = "is a job to be done, and an answer from the cache would report it as done"
	message      = "is a message of a conversation, and an answer from the cache would leave it unheard"
)

func delivery(name string) string {
	switch name {
	case "SQSEvent", "ActiveMQEvent", "RabbitMQEvent":
		return queue
	case "KafkaEvent", "KinesisEvent", "KinesisTimeWindowEvent", "DynamoDBEvent", "DynamoDBTimeWindowEvent", "KinesisFirehoseEvent",
		"KinesisAnalyticsOutputDeliveryEvent", "CloudwatchLogsEvent":
		return stream
	case "S3Event", "S3TestEvent", "SNSEvent", "SimpleEmailEvent", "CloudWatchEvent", "CloudWatchAlarmSNSPayload", "AutoScalingEvent",
		"CodeBuildEvent", "CodeCommitEvent", "CodeDeployEvent", "CodePipelineCloudWatchEvent", "ECRImageActionEvent", "ECRScanEvent",
		"ECSContainerInstanceEvent", "IoTButtonEvent", "IoTOneClickEvent", "CognitoEvent",
		"CognitoEventUserPoolsPostAuthentication", "CognitoEventUserPoolsPostConfirmation":
		return notification
	case "CodePipelineJobEvent", "S3BatchJobEvent", "S3BatchJobEventV2", "SecretsManagerSecretRotationEvent", "ConfigEvent",
		"IoTPreProvisionHookRequest":
		return job
	case "APIGatewayWebsocketProxyRequest", "ConnectEvent", "ChimeBotEvent":
		return message
	case "CognitoEventUserPoolsCreateAuthChallenge":
		return "asks for a secret of one attempt to sign in, and an answer from the cache would use it again"
	}
	return ""
}

// Outcome returns why a response of that type is no result to keep, or "".
func Outcome(t reflect.Type) string {
	if t == nil {
		return ""
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if path := t.PkgPath(); path == eventsPath || strings.HasSuffix(path, "/vendor/"+eventsPath) {
		switch t.Name() {
		case "LambdaFunctionURLStreamingResponse", "APIGatewayProxyStreamingResponse":
			return "is a stream, which can be read once"
		case "KinesisFirehoseResponse", "KinesisAnalyticsOutputDeliveryResponse", "S3BatchJobResponse":
			return "says what became of one batch"
		}
	}
	if t.Kind() == reflect.Struct {
		if _, ok := t.FieldByName("BatchItemFailures"); ok {
			return "says which items of one batch have failed, and would be repeated at each retry"
		}
	}
	return ""
}
