package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// properties returns the properties of a resource, or nil where the combination does not make it.
func properties(r resolved, id string) object {
	p, _ := dig(r.resources[id], "Properties").(object)
	return p
}

// A key of one's own encrypts whatever holds results, keys or records, and without one nothing names a key.
func TestOneKeyForEverything(t *testing.T) {
	forEach(t, func(t *testing.T, c combination, r resolved) {
		want := any(nil)
		if key := c.params["KmsKeyArn"]; key != "" {
			want = key
		}
		got := map[string]any{
			"the environment": properties(r, "DemoFunction")["KmsKeyArn"],
			"the log group":   properties(r, "DemoLogs")["KmsKeyId"],
		}
		if p := properties(r, "CacheBucket"); p != nil {
			rule := list(dig(p, "BucketEncryption", "ServerSideEncryptionConfiguration"))[0]
			got["the bucket"] = dig(rule, "ServerSideEncryptionByDefault", "KMSMasterKeyID")
			if bucketKey := dig(rule, "BucketKeyEnabled"); (bucketKey == true) != (want != nil) {
				t.Errorf("bucket key: %v; without one S3 asks KMS for each entry", bucketKey)
			}
		}
		if p := properties(r, "Redis"); p != nil {
			got["the cache"] = p["KmsKeyId"]
		}
		for what, key := range got {
			if key != want {
				t.Errorf("%s is encrypted with %v, want %v", what, key, want)
			}
		}
	})
}

// The role reaches the account's own bucket only, and the key through S3 only.
func TestWhatTheRoleMayUseIsBound(t *testing.T) {
	forEach(t, func(t *testing.T, _ combination, r resolved) {
		for _, s := range roleStatements(t, r) {
			for _, action := range s.actions {
				switch {
				case strings.HasPrefix(action, "s3:"):
					if dig(s.condition, "StringEquals", "s3:ResourceAccount") != "123456789012" {
						t.Errorf("%s may reach another account's bucket: %v", action, s.condition)
					}
				case strings.HasPrefix(action, "kms:"):
					if dig(s.condition, "StringEquals", "kms:ViaService") != "s3.eu-central-1.amazonaws.com" {
						t.Errorf("%s is not bound to S3: %v", action, s.condition)
					}
				}
			}
		}
	})
}

func TestAnOpenURLHasALimit(t *testing.T) {
	forEach(t, func(t *testing.T, c combination, r resolved) {
		limit := properties(r, "DemoFunction")["ReservedConcurrentExecutions"]
		if open := c.params["UrlAuth"] == "NONE"; open != (fmt.Sprint(limit) == "10") || !open && limit != nil {
			t.Errorf("limit %v", limit)
		}
	})
	raw := loadTemplate(t)
	r := resolve(t, raw, map[string]string{"UrlAuth": "NONE", "MaxConcurrency": "3"})
	if limit := properties(r, "DemoFunction")["ReservedConcurrentExecutions"]; limit != "3" {
		t.Errorf("limit %v", limit)
	}
}

// The endpoint serves the function's role and its bucket, with what the role may do there, and nothing else.
func TestEndpointLetsNothingElseThrough(t *testing.T) {
	forEach(t, func(t *testing.T, _ combination, r resolved) {
		p := properties(r, "S3Endpoint")
		if p == nil {
			return
		}
		var got []string
		for _, s := range statements("endpoint", p["PolicyDocument"]) {
			if s.effect != "Allow" || dig(s.condition, "ArnEquals", "aws:PrincipalArn") != "arn:DemoRole" {
				t.Errorf("%+v", s)
			}
			for _, a := range s.actions {
				for _, resource := range s.resources {
					got = append(got, a+" "+resource)
				}
			}
		}
		if !slices.Equal(sorted(got), sorted(allowed["CacheBucket"])) {
			t.Errorf("lets through %v, want %v", got, allowed["CacheBucket"])
		}
	})
}

func TestBothBackendsNeedThePrefixList(t *testing.T) {
	r := resolve(t, loadTemplate(t), map[string]string{"Backend": "redis s3", "VpcId": "vpc-0a1", "SubnetIds": "subnet-0a1"})
	rule := r.rules["BothNeedPrefixList"].(object)
	if rule["RuleCondition"] != true || dig(list(rule["Assertions"])[0], "Assert") != false {
		t.Errorf("the rule accepts it: %v", rule)
	}
	r = resolve(t, loadTemplate(t), with(network, "Backend", "redis s3"))
	if rule = r.rules["BothNeedPrefixList"].(object); dig(list(rule["Assertions"])[0], "Assert") != true {
		t.Errorf("the rule refuses it: %v", rule)
	}
}

// The dashboard is what CloudWatch reads, and its metrics are those that telemetry/emf writes.
func TestDashboard(t *testing.T) {
	r := resolve(t, loadTemplate(t), map[string]string{"Metrics": "emf"})
	if v := dig(properties(r, "DemoFunction"), "Environment", "Variables", "DEMO_METRICS"); v != "emf" {
		t.Errorf("DEMO_METRICS is %v", v)
	}
	var board struct {
		Widgets []struct {
			Type                string
			X, Y, Width, Height int
			Properties          struct {
				Region, Query string
				Metrics       [][]any
			}
		}
	}
	decoder := json.NewDecoder(strings.NewReader(properties(r, "Dashboard")["DashboardBody"].(string)))
	if err := decoder.Decode(&board); err != nil {
		t.Fatal(err)
	}
	written := emfMetrics(t)
	shown := 0
	for i, w := range board.Widgets {
		if w.X+w.Width > 24 || w.Width < 1 || w.Height < 1 || w.Properties.Region != "eu-central-1" {
			t.Errorf("widget %d: %+v", i, w)
		}
		if w.Type == "log" != (w.Properties.Query != "") {
			t.Errorf("widget %d is of type %s", i, w.Type)
		}
		for _, m := range w.Properties.Metrics {
			if len(m) < 4 || m[0] != "Stillwarm" {
				continue
			}
			shown++
			if !slices.Contains(written, m[1].(string)) || m[2] != "FunctionName" || m[3] != "the-demofunction" {
				t.Errorf("widget %d shows %v", i, m)
			}
		}
	}
	if len(board.Widgets) != 5 || shown < 8 {
		t.Errorf("%d widgets with %d metrics", len(board.Widgets), shown)
	}
}

// emfMetrics returns the names that telemetry/emf gives its metrics.
func emfMetrics(t *testing.T) []string {
	t.Helper()
	code, err := os.ReadFile(filepath.Join(root, "telemetry", "emf", "line.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`"Name":"(\w+)"`).FindAllStringSubmatch(string(code), -1) {
		names = append(names, m[1])
	}
	return names
}
