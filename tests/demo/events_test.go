package demo_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/localdev/runner"
)

// requestTypes are the types of docs/events.md whose answers are cached, as values.
var requestTypes = map[string]any{
	"APIGatewayCustomAuthorizerRequest":            events.APIGatewayCustomAuthorizerRequest{},
	"APIGatewayCustomAuthorizerRequestTypeRequest": events.APIGatewayCustomAuthorizerRequestTypeRequest{},
	"APIGatewayV2CustomAuthorizerV1Request":        events.APIGatewayV2CustomAuthorizerV1Request{},
	"APIGatewayV2CustomAuthorizerV2Request":        events.APIGatewayV2CustomAuthorizerV2Request{},
	"AppSyncLambdaAuthorizerRequest":               events.AppSyncLambdaAuthorizerRequest{},
	"AppSyncResolverTemplate":                      events.AppSyncResolverTemplate{Payload: json.RawMessage("{}")},
	"ClientVPNConnectionHandlerRequest":            events.ClientVPNConnectionHandlerRequest{},
	"CognitoEventUserPoolsCustomMessage":           events.CognitoEventUserPoolsCustomMessage{},
	"CognitoEventUserPoolsDefineAuthChallenge":     events.CognitoEventUserPoolsDefineAuthChallenge{},
	"CognitoEventUserPoolsInboundFederation":       events.CognitoEventUserPoolsInboundFederation{},
	"CognitoEventUserPoolsMigrateUser":             events.CognitoEventUserPoolsMigrateUser{},
	"CognitoEventUserPoolsPreAuthentication":       events.CognitoEventUserPoolsPreAuthentication{},
	"CognitoEventUserPoolsPreSignup":               events.CognitoEventUserPoolsPreSignup{},
	"CognitoEventUserPoolsPreTokenGen":             events.CognitoEventUserPoolsPreTokenGen{},
	"CognitoEventUserPoolsPreTokenGenV2":           events.CognitoEventUserPoolsPreTokenGenV2{},
	"CognitoEventUserPoolsPreTokenGenV2_0":         events.CognitoEventUserPoolsPreTokenGenV2_0{},
	"CognitoEventUserPoolsVerifyAuthChallenge":     events.CognitoEventUserPoolsVerifyAuthChallenge{},
	"IoTCoreCustomAuthorizerRequest":               events.IoTCoreCustomAuthorizerRequest{},
	"IoTCustomAuthorizerRequest":                   events.IoTCustomAuthorizerRequest{},
	"LexEvent":                                     events.LexEvent{},
	"S3ObjectLambdaEvent":                          events.S3ObjectLambdaEvent{},
}

// table returns docs/events.md: what is done with each type.
func table(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `events\\.(\\w+)` \\| (.*) \\|$").FindAllStringSubmatch(string(page), -1) {
		rows[m[1]] = m[2]
	}
	if len(rows) < 60 {
		t.Fatalf("%d rows", len(rows))
	}
	return rows
}

// deliver returns a delivery of an event, in which the fields that change at each delivery have a value of its own.
func deliver(t *testing.T, event any, row string, n int) any {
	t.Helper()
	v := reflect.New(reflect.TypeOf(event)).Elem()
	v.Set(reflect.ValueOf(event))
	fields, _, _ := strings.Cut(row, ";") // what stands behind is about fields that keep an event out
	for _, m := range regexp.MustCompile("`([\\w.]+)(?:\\[([\\w-]+)\\])?`").FindAllStringSubmatch(fields, -1) {
		set(t, v, strings.Split(m[1], "."), m[2], fmt.Sprint("delivery ", n))
	}
	return v.Interface()
}

func set(t *testing.T, v reflect.Value, path []string, key, value string) {
	t.Helper()
	for _, name := range path {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		if v = v.FieldByName(name); !v.IsValid() {
			t.Fatalf("no field %v", path)
		}
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(value)
	case reflect.Int64:
		v.SetInt(int64(len(value)) + int64(value[len(value)-1]))
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		for _, k := range v.MapKeys() {
			m.SetMapIndex(k, v.MapIndex(k))
		}
		one := reflect.ValueOf(value)
		if v.Type().Elem().Kind() == reflect.Slice {
			one = reflect.ValueOf([]string{value})
		}
		m.SetMapIndex(reflect.ValueOf(strings.ToLower(key)), one)
		v.Set(m)
	default:
		t.Fatalf("%v is a %s", path, v.Type())
	}
}

// another returns an event that asks something else: the first text in it that is not omitted has another value.
func another(t *testing.T, event any, row string) any {
	t.Helper()
	v := reflect.New(reflect.TypeOf(event)).Elem()
	v.Set(reflect.ValueOf(event))
	if !change(v, "", row) {
		t.Fatalf("nothing to change in %T", event)
	}
	return v.Interface()
}

func change(v reflect.Value, path, row string) bool {
	switch v.Kind() {
	case reflect.String:
		if strings.Contains(row, "`"+strings.TrimPrefix(path, ".")+"`") {
			return false
		}
		v.SetString("something else")
		return true
	case reflect.Struct:
		for i := range v.NumField() {
			if change(v.Field(i), path+"."+v.Type().Field(i).Name, row) {
				return true
			}
		}
	}
	return false
}

// TestEventTable sends events of every type of the table through the runner to a function process: the second delivery
// hits, or the type is refused and the answer says why.
func TestEventTable(t *testing.T) {
	r := startEvents(t, runner.Options{Containers: 1})
	invoke := func(t *testing.T, name string, event any) (a struct {
		Run     int
		Refused string
	}) {
		t.Helper()
		payload, err := json.Marshal(map[string]any{"type": name, "event": event})
		if err != nil {
			t.Fatal(err)
		}
		res, err := r.Invoke(t.Context(), payload)
		if err != nil || res.FunctionError != "" || json.Unmarshal(res.Payload, &a) != nil {
			t.Fatalf("%s %s %v", res.Payload, res.FunctionError, err)
		}
		return a
	}
	rows := table(t)
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		row := rows[name]
		t.Run("L4 "+name, func(t *testing.T) {
			if reason, refused := strings.CutPrefix(row, "refused: it "); refused {
				if a := invoke(t, name, map[string]any{}); !strings.Contains(a.Refused, reason) || !strings.Contains(a.Refused, "adapter.CacheData") {
					t.Errorf("%+v", a)
				}
				return
			}
			if strings.HasPrefix(row, "the rules of HTTP") {
				return // TestHTTPEventTable
			}
			event, ok := requestTypes[name]
			if !ok {
				t.Fatal("the test has no such type")
			}
			first, second := invoke(t, name, deliver(t, event, row, 1)), invoke(t, name, deliver(t, event, row, 2))
			if first.Run != 1 || second.Run != 1 {
				t.Errorf("runs %d and %d: the second delivery must hit", first.Run, second.Run)
			}
			if other := invoke(t, name, deliver(t, another(t, event, row), row, 3)); other.Run != 2 {
				t.Errorf("another event was answered by run %d", other.Run)
			}
		})
	}
}

func startEvents(t *testing.T, o runner.Options) *runner.Runner {
	t.Helper()
	bin, err := eventBinary()
	if err != nil {
		t.Fatal(err)
	}
	o.Binary, o.Addr = bin, "127.0.0.1:0"
	r, err := runner.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// TestHTTPEventTable asks over HTTP, each form of event in turn.
func TestHTTPEventTable(t *testing.T) {
	for _, form := range []string{"http", "rest", "alb", "alb-multi"} {
		t.Run("L4 "+form, func(t *testing.T) {
			r := startEvents(t, runner.Options{Containers: 1, Event: form})
			ask := func(method, path string, fields ...string) (status, body string) {
				t.Helper()
				req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(r.URL(), "/")+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				for i := 0; i+1 < len(fields); i += 2 {
					req.Header.Add(fields[i], fields[i+1])
				}
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				b, err := io.ReadAll(res.Body)
				if err != nil || res.StatusCode != http.StatusOK {
					t.Fatalf("%d %s %v", res.StatusCode, b, err)
				}
				return res.Header.Get("Cache-Status"), string(b)
			}
			for i, tt := range []struct {
				method, path string
				fields       []string
				run          string
				hit          bool
			}{
				{"GET", "/items?b=2&a=1", nil, "run 1", false},
				{"GET", "/items?b=2&a=1", []string{"X-Amzn-Trace-Id", "Root=2", "User-Agent", "another"}, "run 1", true},
				{"GET", "/items?b=2&a=2", nil, "run 2", false},
				{"GET", "/items/a%2Fb", nil, "run 3", false},
				{"GET", "/items/a/b", nil, "run 4", false},
				{"HEAD", "/items/a/b", nil, "", true},
				{"GET", "/me", []string{"Authorization", "Bearer a"}, "run 5", false},
				{"GET", "/me", []string{"Authorization", "Bearer b"}, "run 6", false},
				{"GET", "/me", []string{"Cookie", "session=1"}, "run 7", false},
				{"GET", "/me", []string{"Cookie", "session=2"}, "run 8", false},
			} {
				status, body := ask(tt.method, tt.path, tt.fields...)
				if hit := strings.Contains(status, "; hit"); body != tt.run || hit != tt.hit {
					t.Errorf("request %d, %s %s: %q, %q; want %q, hit %v", i, tt.method, tt.path, body, status, tt.run, tt.hit)
				}
			}
		})
	}
}
