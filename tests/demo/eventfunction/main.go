// Command eventfunction is a function for tests: it wraps a handler of each event type of aws-lambda-go with CacheHandler. Its
// events are HTTP requests as the services send them, or {"type": NAME, "event": EVENT}. Each answer says which run of its
// handler made it; for a type that CacheHandler refuses it is the reason.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda"

	_ "github.com/stillwarm/stillwarm/backends/disk"
)

var handlers = map[string]lambda.Handler{}

// answer is what handlers return that are not HTTP's.
type answer struct {
	Run     int64  `json:"run,omitempty"`
	Refused string `json:"refused,omitempty"`
}

type refused struct{ reason string }

// Invoke implements lambda.Handler.
func (r refused) Invoke(context.Context, []byte) ([]byte, error) {
	return json.Marshal(answer{Refused: r.reason})
}

// wrap wraps a handler of events of one type.
func wrap[In, Out any](respond func(run int64) Out) {
	name := strings.TrimPrefix(fmt.Sprintf("%T", *new(In)), "events.")
	defer func() {
		if err, ok := recover().(error); ok {
			handlers[name] = refused{err.Error()}
		}
	}()
	var runs atomic.Int64
	handlers[name] = lambda.CacheHandler(func(context.Context, In) (Out, error) { return respond(runs.Add(1)), nil },
		adapter.Name("event."+name), adapter.TTL("1h"))
}

func plain[In any]() { wrap[In](func(run int64) answer { return answer{Run: run} }) }

func init() {
	wrap[events.APIGatewayV2HTTPRequest](func(run int64) events.APIGatewayV2HTTPResponse {
		return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: fmt.Sprint("run ", run)}
	})
	wrap[events.LambdaFunctionURLRequest](func(run int64) events.LambdaFunctionURLResponse {
		return events.LambdaFunctionURLResponse{StatusCode: 200, Body: fmt.Sprint("run ", run)}
	})
	wrap[events.APIGatewayProxyRequest](func(run int64) events.APIGatewayProxyResponse {
		return events.APIGatewayProxyResponse{StatusCode: 200, Body: fmt.Sprint("run ", run)}
	})
	wrap[events.ALBTargetGroupRequest](func(run int64) events.ALBTargetGroupResponse {
		return events.ALBTargetGroupResponse{StatusCode: 200, Body: fmt.Sprint("run ", run)}
	})
	requests()
	deliveries()
}

func requests() {
	plain[events.APIGatewayCustomAuthorizerRequest]()
	plain[events.APIGatewayCustomAuthorizerRequestTypeRequest]()
	plain[events.APIGatewayV2CustomAuthorizerV1Request]()
	plain[events.APIGatewayV2CustomAuthorizerV2Request]()
	plain[events.AppSyncLambdaAuthorizerRequest]()
	plain[events.AppSyncResolverTemplate]() //nolint:staticcheck // deprecated there, and sent all the same
	plain[events.ClientVPNConnectionHandlerRequest]()
	plain[events.CognitoEventUserPoolsCreateAuthChallenge]()
	plain[events.CognitoEventUserPoolsCustomMessage]()
	plain[events.CognitoEventUserPoolsDefineAuthChallenge]()
	plain[events.CognitoEventUserPoolsInboundFederation]()
	plain[events.CognitoEventUserPoolsMigrateUser]()
	plain[events.CognitoEventUserPoolsPostAuthentication]()
	plain[events.CognitoEventUserPoolsPostConfirmation]()
	plain[events.CognitoEventUserPoolsPreAuthentication]()
	plain[events.CognitoEventUserPoolsPreSignup]()
	plain[events.CognitoEventUserPoolsPreTokenGen]()
	plain[events.CognitoEventUserPoolsPreTokenGenV2]() //nolint:staticcheck // deprecated there, and sent all the same
	plain[events.CognitoEventUserPoolsPreTokenGenV2_0]()
	plain[events.CognitoEventUserPoolsVerifyAuthChallenge]()
	plain[events.IoTCoreCustomAuthorizerRequest]()
	plain[events.IoTCustomAuthorizerRequest]()
	plain[events.IoTPreProvisionHookRequest]()
	plain[events.LexEvent]()
	plain[events.S3ObjectLambdaEvent]()
}

func deliveries() {
	plain[events.APIGatewayWebsocketProxyRequest]()
	plain[events.ActiveMQEvent]()
	plain[events.AutoScalingEvent]()
	plain[events.ChimeBotEvent]()
	plain[events.CloudWatchAlarmSNSPayload]()
	plain[events.CloudWatchEvent]()
	plain[events.CloudwatchLogsEvent]()
	plain[events.CodeBuildEvent]()
	plain[events.CodeCommitEvent]()
	plain[events.CodeDeployEvent]()
	plain[events.CodePipelineCloudWatchEvent]()
	plain[events.CodePipelineJobEvent]()
	plain[events.CognitoEvent]()
	plain[events.ConfigEvent]()
	plain[events.ConnectEvent]()
	plain[events.DynamoDBEvent]()
	plain[events.DynamoDBTimeWindowEvent]()
	plain[events.ECRImageActionEvent]()
	plain[events.ECRScanEvent]()
	plain[events.ECSContainerInstanceEvent]()
	plain[events.IoTButtonEvent]()
	plain[events.IoTOneClickEvent]()
	plain[events.KafkaEvent]()
	plain[events.KinesisAnalyticsOutputDeliveryEvent]()
	plain[events.KinesisEvent]()
	plain[events.KinesisFirehoseEvent]()
	plain[events.KinesisTimeWindowEvent]()
	plain[events.RabbitMQEvent]()
	plain[events.S3BatchJobEvent]()
	plain[events.S3BatchJobEventV2]()
	plain[events.S3Event]()
	plain[events.S3TestEvent]()
	plain[events.SNSEvent]()
	plain[events.SQSEvent]()
	plain[events.SecretsManagerSecretRotationEvent]()
	plain[events.SimpleEmailEvent]()
}

// dispatch finds the handler of an event.
type dispatch struct{}

// Invoke implements lambda.Handler.
func (dispatch) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e struct {
		Type           string          `json:"type"`
		Event          json.RawMessage `json:"event"`
		RawPath        *string         `json:"rawPath"`
		RequestContext struct {
			ELB json.RawMessage `json:"elb"`
		} `json:"requestContext"`
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	switch {
	case e.Event != nil:
		payload = e.Event
	case e.RequestContext.ELB != nil:
		e.Type = "ALBTargetGroupRequest"
	case e.RawPath != nil:
		e.Type = "APIGatewayV2HTTPRequest"
	default:
		e.Type = "APIGatewayProxyRequest"
	}
	h := handlers[e.Type]
	if h == nil {
		return nil, fmt.Errorf("no handler of %q", e.Type)
	}
	return h.Invoke(ctx, payload)
}

func main() { lambda.Start(dispatch{}) }
