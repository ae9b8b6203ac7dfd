package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda"
)

var samplesDir = sync.OnceValue(func() string {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go/events").Output()
	if err != nil {
		panic(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "testdata")
})

// delivery is one of the services' samples with some members changed: paths of names with dots between them.
func delivery(t *testing.T, sample string, changes map[string]any) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(samplesDir(), sample))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for path, v := range changes {
		names := strings.Split(path, ".")
		at := doc
		for _, name := range names[:len(names)-1] {
			next, ok := at[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[name] = next
			}
			at = next
		}
		at[names[len(names)-1]] = v
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// requestLike is one type of events that ask for an answer: what changes at each delivery, and one thing that decides.
type requestLike struct {
	sample        string
	next, decides map[string]any
	check         func(t *testing.T, deliveries ...[]byte)
}

var wrapped atomic.Int64

// cached checks that deliveries but the last are one event, and the last another.
func cached[In any](t *testing.T, deliveries ...[]byte) {
	t.Helper()
	runs := 0
	h := lambda.CacheHandler(func(context.Context, In) (int, error) { runs++; return runs, nil },
		adapter.Name(fmt.Sprint("events.", wrapped.Add(1))))
	for i, d := range deliveries {
		want := "1"
		if i == len(deliveries)-1 {
			want = "2"
		}
		if got, err := h.Invoke(t.Context(), d); err != nil || string(got) != want {
			t.Errorf("delivery %d of %T was answered by run %s (%v), want %s", i+1, *new(In), got, err, want)
		}
	}
}

func requestLikes() map[string]requestLike {
	traced := func(more map[string]any) map[string]any {
		more["headers.x-amzn-trace-id"] = "Root=2"
		return more
	}
	user := map[string]any{"userName": "another"}
	return map[string]requestLike{
		"APIGatewayCustomAuthorizerRequest": {"apigw-custom-auth-request.json", nil, map[string]any{"authorizationToken": "other"}, cached[events.APIGatewayCustomAuthorizerRequest]},
		"APIGatewayCustomAuthorizerRequestTypeRequest": {"apigw-custom-auth-request-type-request.json", traced(map[string]any{
			"requestContext.requestId": "2", "multiValueHeaders.X-Amzn-Trace-Id": []string{"Root=2"}, "headers.X-Amz-Cf-Id": "2",
			"headers.Sec-WebSocket-Key": "2", "multiValueHeaders.Sec-WebSocket-Key": []string{"2"},
		}), map[string]any{"headers.Authorization": "other"}, cached[events.APIGatewayCustomAuthorizerRequestTypeRequest]},
		"APIGatewayV2CustomAuthorizerV1Request": {"apigw-v2-custom-authorizer-v1-request.json", traced(map[string]any{"requestContext.requestId": "2"}),
			map[string]any{"requestContext.identity.sourceIp": "192.0.2.1"}, cached[events.APIGatewayV2CustomAuthorizerV1Request]},
		"APIGatewayV2CustomAuthorizerV2Request": {"apigw-v2-custom-authorizer-v2-request.json", traced(map[string]any{
			"requestContext.requestId": "2", "requestContext.time": "now", "requestContext.timeEpoch": 17,
		}), map[string]any{"cookies": []string{"other"}}, cached[events.APIGatewayV2CustomAuthorizerV2Request]},
		"AppSyncLambdaAuthorizerRequest": {"appsync-lambda-auth-request.json", map[string]any{"requestContext.requestId": "2"},
			map[string]any{"requestContext.queryString": "other"}, cached[events.AppSyncLambdaAuthorizerRequest]},
		"IoTCustomAuthorizerRequest": {"iot-custom-auth-request.json", nil, map[string]any{"token": "other"}, cached[events.IoTCustomAuthorizerRequest]},
		"IoTCoreCustomAuthorizerRequest": {"iot-custom-auth-request.json", map[string]any{"connectionMetadata.id": "2", "protocolData.http.headers.X-Amzn-Trace-Id": "Root=2",
			"protocolData.http.headers.Sec-WebSocket-Key": "2"},
			map[string]any{"protocolData.mqtt.username": "other"}, cached[events.IoTCoreCustomAuthorizerRequest]},
		"ClientVPNConnectionHandlerRequest": {"clientvpn-connectionhandler-request.json", map[string]any{"connection-id": "2"}, map[string]any{"username": "other"}, cached[events.ClientVPNConnectionHandlerRequest]},
		"LexEvent":                          {"lex-event.json", nil, map[string]any{"inputTranscript": "other"}, cached[events.LexEvent]},
		"S3ObjectLambdaEvent": {"s3-object-lambda-event-head-object-iam.json", map[string]any{
			"xAmzRequestId": "2", "headObjectContext.inputS3Url": "https://signed.example.com/2", "userRequest.headers.X-Amz-Date": "20261126T000000Z",
			"userRequest.headers.amz-sdk-invocation-id": "2", "userRequest.headers.amz-sdk-request": "attempt=2",
		}, map[string]any{"userRequest.url": "https://example.com/other"}, cached[events.S3ObjectLambdaEvent]},
		"*S3ObjectLambdaEvent": {"s3-object-lambda-event-list-objects-v2-iam.json", map[string]any{"xAmzRequestId": "2", "listObjectsV2Context.inputS3Url": "2"},
			map[string]any{"userIdentity.arn": "other"}, cached[*events.S3ObjectLambdaEvent]},
		"CognitoEventUserPoolsPreSignup":           {"cognito-event-userpools-presignup.json", nil, user, cached[events.CognitoEventUserPoolsPreSignup]},
		"CognitoEventUserPoolsPreAuthentication":   {"cognito-event-userpools-preauthentication.json", nil, user, cached[events.CognitoEventUserPoolsPreAuthentication]},
		"CognitoEventUserPoolsMigrateUser":         {"cognito-event-userpools-migrateuser.json", nil, map[string]any{"request.password": "other"}, cached[events.CognitoEventUserPoolsMigrateUser]},
		"CognitoEventUserPoolsPreTokenGen":         {"cognito-event-userpools-pretokengen.json", nil, user, cached[events.CognitoEventUserPoolsPreTokenGen]},
		"CognitoEventUserPoolsPreTokenGenV2":       {"cognito-event-userpools-pretokengen-v2.json", nil, user, cached[events.CognitoEventUserPoolsPreTokenGenV2]},
		"CognitoEventUserPoolsPreTokenGenV2_0":     {"cognito-event-userpools-pretokengen-v2_0.json", nil, user, cached[events.CognitoEventUserPoolsPreTokenGenV2_0]},
		"CognitoEventUserPoolsCustomMessage":       {"cognito-event-userpools-custommessage.json", nil, user, cached[events.CognitoEventUserPoolsCustomMessage]},
		"CognitoEventUserPoolsInboundFederation":   {"cognito-event-userpools-inbound-federation-oidc.json", nil, user, cached[events.CognitoEventUserPoolsInboundFederation]},
		"CognitoEventUserPoolsDefineAuthChallenge": {"cognito-event-userpools-define-auth-challenge.json", nil, user, cached[events.CognitoEventUserPoolsDefineAuthChallenge]},
		"CognitoEventUserPoolsVerifyAuthChallenge": {"cognito-event-userpools-verify-auth-challenge.json", nil, user, cached[events.CognitoEventUserPoolsVerifyAuthChallenge]},
	}
}

func TestEventsThatAskForAnAnswer(t *testing.T) {
	for name, tt := range requestLikes() {
		t.Run("L4 the second delivery hits: "+name, func(t *testing.T) {
			tt.check(t, delivery(t, tt.sample, nil), delivery(t, tt.sample, tt.next), delivery(t, tt.sample, tt.decides))
		})
	}
	t.Run("L4 a hash function of the user's own chooses the key", func(t *testing.T) {
		runs := 0
		h := lambda.CacheHandler(func(context.Context, events.LexEvent) (int, error) { runs++; return runs, nil }, adapter.Name("events.chosen"),
			adapter.HashFunc(func(e events.LexEvent) string { return e.InputTranscript }))
		for user := range 3 {
			if got, err := h.Call(t.Context(), events.LexEvent{InputTranscript: "hello", UserID: fmt.Sprint(user)}); err != nil || got != 1 {
				t.Fatal(got, err)
			}
		}
	})
	t.Run("L4 a hash function for what a pointer points to, or for a part of an event that is keyed whole", func(t *testing.T) {
		runs := 0
		type vpn = events.ClientVPNConnectionHandlerRequest
		pointed := lambda.CacheHandler(func(context.Context, *vpn) (int, error) { runs++; return runs, nil },
			adapter.Name("events.chosen.pointer"), adapter.HashFunc(func(e vpn) string { return e.Username }))
		whole := lambda.CacheHandler(func(context.Context, events.LexEvent) (int, error) { runs++; return runs, nil },
			adapter.Name("events.chosen.part"), adapter.HashFunc(func(b events.LexBot) string { return b.Name }))
		for i := range 3 {
			if got, err := pointed.Call(t.Context(), &vpn{Username: "a", PublicIP: fmt.Sprint(i)}); err != nil || got != 1 {
				t.Error(got, err)
			}
			in := events.LexEvent{Bot: &events.LexBot{Name: "a", Version: fmt.Sprint(i)}}
			if got, err := whole.Call(t.Context(), in); err != nil || got != 2 {
				t.Error(got, err)
			}
		}
	})
	t.Run("L4 a hash function for a part of an event that is keyed without some fields is refused", func(t *testing.T) {
		defer func() {
			err, _ := recover().(error)
			var e *adapter.OptionError
			if !errors.As(err, &e) || !strings.HasPrefix(filepath.Base(e.Place), "cachehandler_test.go:") ||
				!strings.Contains(err.Error(), "adapter.Key, or with a HashFunc for events.S3ObjectLambdaEvent") {
				t.Error(err)
			}
		}()
		h := func(context.Context, events.S3ObjectLambdaEvent) (int, error) { return 0, nil }
		lambda.CacheHandler(h, adapter.Name("events.part"),
			adapter.HashFunc(func(c events.S3ObjectLambdaConfiguration) string { return c.AccessPointARN }))
	})
	url := func(e events.S3ObjectLambdaEvent) string { return e.UserRequest.URL }
	for name, opts := range map[string][]adapter.DataOption{
		"":                                nil,
		", also with a Key of the user's": {adapter.Key(func(e events.S3ObjectLambdaEvent) (string, bool) { return url(e), true })},
		", also with a HashFunc":          {adapter.HashFunc(url)},
	} {
		t.Run("L4 a GetObject of S3 Object Lambda reaches the handler each time"+name, func(t *testing.T) {
			runs := 0
			h := lambda.CacheHandler(func(context.Context, events.S3ObjectLambdaEvent) (int, error) { runs++; return runs, nil },
				append(opts, adapter.Name("events.getobject"+name))...)
			event := delivery(t, "s3-object-lambda-event-get-object-iam.json", nil)
			for range 3 {
				if _, err := h.Invoke(t.Context(), event); err != nil {
					t.Fatal(err)
				}
			}
			var in events.S3ObjectLambdaEvent
			_ = json.Unmarshal(event, &in)
			x, err := h.Explain(t.Context(), in)
			if runs != 3 || err != nil || !strings.Contains(x.Why, "token") {
				t.Fatalf("%d runs, %q, %v", runs, x.Why, err)
			}
			if got, err := h.Refresh(t.Context(), in); err != nil || got != 4 {
				t.Fatal(got, err)
			}
			if got, err := h.Call(t.Context(), in); err != nil || got != 5 {
				t.Fatal(got, err)
			}
		})
	}
}

// refusal returns the error with which CacheHandler panics for a handler of these types.
func refusal[In, Out any](t *testing.T) string {
	t.Helper()
	var e *adapter.OptionError
	func() {
		defer func() {
			err, _ := recover().(error)
			if !errors.As(err, &e) {
				t.Fatalf("%T to %T: not refused: %v", *new(In), *new(Out), err)
			}
		}()
		lambda.CacheHandler(func(context.Context, In) (out Out, err error) { return out, nil }, adapter.Name("refused"))
	}()
	if !strings.HasPrefix(filepath.Base(e.Place), "cachehandler_test.go:") {
		t.Errorf("place %q", e.Place)
	}
	return e.Error()
}

func TestEventsThatMustReachTheHandler(t *testing.T) {
	type S = string
	for name, text := range map[string]string{
		"SQSEvent": refusal[events.SQSEvent, S](t), "*SQSEvent": refusal[*events.SQSEvent, S](t), "SNSEvent": refusal[events.SNSEvent, S](t),
		"S3Event": refusal[events.S3Event, S](t), "KinesisEvent": refusal[events.KinesisEvent, events.KinesisEventResponse](t),
		"DynamoDBEvent": refusal[events.DynamoDBEvent, S](t), "CloudWatchEvent": refusal[events.EventBridgeEvent, S](t),
		"KafkaEvent": refusal[events.KafkaEvent, S](t), "CodePipelineJobEvent": refusal[events.CodePipelineEvent, S](t),
		"APIGatewayWebsocketProxyRequest": refusal[events.APIGatewayWebsocketProxyRequest, S](t), "ConnectEvent": refusal[events.ConnectEvent, S](t),
		"CodeBuildEvent": refusal[events.CodeBuildEvent, S](t), "KinesisTimeWindowEvent": refusal[embedding, S](t),
	} {
		t.Run("L4 refused with the reason and the way out: "+name, func(t *testing.T) {
			if !strings.Contains(text, "events."+strings.TrimPrefix(name, "*")) || !strings.Contains(text, "adapter.CacheData") {
				t.Error(text)
			}
		})
	}
}

// embedding is a type of the user's own that is a delivery all the same.
type embedding struct {
	events.KinesisTimeWindowEvent
	Detail string
}

type ownEvent struct {
	Item string
	At   int64
	Meta map[string]string
}

func TestCachedHandlerOfHTTPEvents(t *testing.T) {
	rt, err := adapter.New(adapter.Config{Backend: "none"})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("L4 follows the rules of HTTP; TTL is the lifetime of answers that name none", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHandler(counted(&runs), adapter.TTL("1h"), adapter.WithRuntime(rt), adapter.Name("http.ttl"), adapter.Spinner(false))
		first := v2("/items", "x-amzn-trace-id", "1")
		first.RequestContext.RequestID, first.RequestContext.TimeEpoch = "1", 1
		second := v2("/items", "x-amzn-trace-id", "2")
		second.RequestContext.RequestID, second.RequestContext.TimeEpoch = "2", 2
		for i, tt := range []struct {
			in   v2In
			want string
		}{{first, "1"}, {second, "1"}, {v2("/items", "authorization", "a"), "1"}, {v2("/other"), "2"}, {v2("/new", "authorization", "a"), "3"}, {v2("/new", "authorization", "b"), "4"}} {
			out, err := h.Call(t.Context(), tt.in)
			if err != nil || out.Body != tt.want {
				t.Errorf("%d: %+v %v, want %s", i, out, err, tt.want)
			}
		}
		x, err := h.Explain(t.Context(), first)
		if s := h.Stats(); err != nil || !x.Hit || x.Tier != adapter.TierMemory || s.Hits < 2 {
			t.Errorf("%+v %+v %v", x, s, err)
		}
		if err := h.ClearFor(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		if out, _ := h.Call(t.Context(), second); out.Body != "5" {
			t.Error(out.Body)
		}
		if out, err := h.Refresh(t.Context(), first); err != nil || out.Body != "6" {
			t.Error(out.Body, err)
		}
		if err := h.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		b, err := h.Invoke(t.Context(), payload20("GET", "/items"))
		if err != nil || !strings.Contains(string(b), `"body":"7"`) {
			t.Errorf("%s %v", b, err)
		}
	})
	t.Run("L4 options that HTTP has not are refused with the way out", func(t *testing.T) {
		defer func() {
			var e *adapter.OptionError
			if err, _ := recover().(error); !errors.As(err, &e) || !strings.Contains(err.Error(), "CacheHTTP") || !strings.Contains(e.Option, "MaxEntries") {
				t.Error(err)
			}
		}()
		lambda.CacheHandler(counted(new(atomic.Int64)), adapter.MaxEntries(3))
	})
	t.Run("L4 an answer of another type is refused", func(t *testing.T) {
		refusal[events.APIGatewayV2HTTPRequest, string](t)
	})
	t.Run("L4 pointers are refused with the reason", func(t *testing.T) {
		for _, text := range []string{
			refusal[*events.ALBTargetGroupRequest, events.ALBTargetGroupResponse](t), refusal[v2In, *v2Out](t),
		} {
			if !strings.Contains(text, "not as pointers") {
				t.Error(text)
			}
		}
	})
}

func TestOneHandlerWrappedTwice(t *testing.T) {
	t.Run("F7 is one cache where the options are the same", func(t *testing.T) {
		a := lambda.CacheHandler(lexHandler, adapter.TTL("1h"))
		b := lambda.CacheHandler(lexHandler, adapter.TTL("1h"))
		for i, h := range []*lambda.CachedHandler[events.LexEvent, events.APIGatewayProxyResponse]{a, b, a} {
			if out, err := h.Call(t.Context(), events.LexEvent{}); err != nil || out.Body != "1" {
				t.Error(i, out, err)
			}
		}
	})
}

var lexRuns atomic.Int64

func lexHandler(context.Context, events.LexEvent) (events.APIGatewayProxyResponse, error) {
	return events.APIGatewayProxyResponse{StatusCode: 200, Body: fmt.Sprint(lexRuns.Add(1))}, nil
}
