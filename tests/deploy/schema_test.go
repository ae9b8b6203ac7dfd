package deploy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/awslabs/goformation/v7"
	"github.com/awslabs/goformation/v7/schema"
	"github.com/xeipuuv/gojsonschema"

	"github.com/stillwarm/stillwarm/backends"
	_ "github.com/stillwarm/stillwarm/backends/all"
)

// newer is what SAM knows and the schema of goformation v7.14.9 does not. The tests in this package check it by hand.
func newer(tpl object) {
	delete(tpl, "Rules")
	delete(dig(tpl, "Resources", "DemoFunction", "Properties").(object), "LoggingConfig")
}

func TestTemplateIsValidSAM(t *testing.T) {
	samSchema, err := gojsonschema.NewSchema(gojsonschema.NewStringLoader(schema.SamSchema))
	if err != nil {
		t.Fatal(err)
	}
	validate := func(t *testing.T, doc object) []gojsonschema.ResultError {
		t.Helper()
		result, err := samSchema.Validate(gojsonschema.NewGoLoader(doc))
		if err != nil {
			t.Fatal(err)
		}
		return result.Errors()
	}
	forEach(t, func(t *testing.T, c combination, r resolved) {
		doc := asTemplate(t, r)
		for _, e := range validate(t, doc) {
			t.Errorf("the schema says: %s", e)
		}
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := goformation.ParseJSON(text)
		if err != nil {
			t.Fatalf("goformation: %v", err)
		}
		f, err := parsed.GetServerlessFunctionWithName("DemoFunction")
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Environment.Variables["STILLWARM_BACKEND"]; got != c.backend {
			t.Errorf("goformation reads STILLWARM_BACKEND as %q, want %q", got, c.backend)
		}
	})
	t.Run("a mistake would be noticed", func(t *testing.T) {
		doc := asTemplate(t, resolve(t, loadTemplate(t), nil))
		dig(doc, "Resources", "CacheBucket", "Properties").(object)["BucketEncyption"] = object{}
		delete(dig(doc, "Resources", "DemoFunction", "Properties", "FunctionUrlConfig").(object), "AuthType")
		if errs := validate(t, doc); len(errs) < 2 {
			t.Errorf("two mistakes gave %v", errs)
		}
	})
}

// asTemplate returns a resolved template as a template of its own.
func asTemplate(t *testing.T, r resolved) object {
	t.Helper()
	resources := object{}
	for id, res := range r.resources {
		resources[id] = res
	}
	doc := object{
		"AWSTemplateFormatVersion": "2010-09-09", "Transform": "AWS::Serverless-2016-10-31", "Resources": resources,
	}
	text, err := json.Marshal(doc) // a copy: newer takes things out
	if err != nil {
		t.Fatal(err)
	}
	var copied object
	if err := json.Unmarshal(text, &copied); err != nil {
		t.Fatal(err)
	}
	newer(copied)
	for _, res := range copied["Resources"].(object) {
		numbers(res.(object)["Properties"])
	}
	return copied
}

// numbers makes numbers of the parameters that CloudFormation would make numbers of, as the schema has no strings there.
func numbers(v any) {
	o, ok := v.(object)
	if !ok {
		for _, in := range list(v) {
			if _, ok := in.(object); ok {
				numbers(in)
			}
		}
		return
	}
	for name, in := range o {
		if s, ok := in.(string); ok && slices.Contains([]string{
			"ExpirationInDays", "MemorySize", "RetentionInDays", "Maximum", "ReservedConcurrentExecutions",
		}, name) {
			o[name] = json.Number(s)
			continue
		}
		numbers(in)
	}
}

func TestEveryCombinationMakesWhatItNeedsAndNothingElse(t *testing.T) {
	forEach(t, func(t *testing.T, c combination, r resolved) {
		var ids []string
		for id := range r.resources {
			ids = append(ids, id)
		}
		if want := sorted(slices.Concat(always, c.made)); !slices.Equal(sorted(ids), want) {
			t.Errorf("makes %v, want %v", sorted(ids), want)
		}
		for id, at := range r.refs {
			if _, ok := r.resources[id]; !ok {
				t.Errorf("%s refers to %s, which this combination does not make", at, id)
			}
		}
		_, bucket := r.outputs["Bucket"]
		_, endpoint := r.outputs["RedisEndpoint"]
		if bucket != (r.resources["CacheBucket"] != nil) || endpoint != (r.resources["Redis"] != nil) {
			t.Errorf("outputs: %v", r.outputs)
		}
	})
}

func TestFunctionGetsTheBackendThatWasAskedFor(t *testing.T) {
	forEach(t, func(t *testing.T, c combination, r resolved) {
		env := dig(r.resources["DemoFunction"], "Properties", "Environment", "Variables").(object)
		if env["STILLWARM_BACKEND"] != c.backend {
			t.Fatalf("STILLWARM_BACKEND is %q, want %q", env["STILLWARM_BACKEND"], c.backend)
		}
		// The library accepts what the template writes, parameter by parameter.
		t.Setenv("AWS_REGION", "eu-central-1")
		pm, err := backends.Open(t.Context(), c.backend)
		if err != nil {
			t.Fatal(err)
		}
		if err := pm.Close(); err != nil {
			t.Error(err)
		}
		if env["STILLWARM_NAMESPACE"] != "demo" {
			t.Errorf("the namespace is %v", env["STILLWARM_NAMESPACE"])
		}
		keys, sealed := env["STILLWARM_SEAL_KEYS"]
		if want := c.params["SealKeysSecretArn"] != ""; sealed != want {
			t.Errorf("seal keys: %v", keys)
		}
		version := c.params["SealKeysVersionId"]
		if sealed && keys != "{{resolve:secretsmanager:"+secretARN+":SecretString:::"+version+"}}" {
			t.Errorf("the seal keys come from %v", keys)
		}
	})
}

func TestFunctionIsBuiltAndServedAsDocumented(t *testing.T) {
	raw := loadTemplate(t)
	if method := dig(raw, "Resources", "DemoFunction", "Metadata", "BuildMethod"); method != "makefile" {
		t.Errorf("BuildMethod is %v", method)
	}
	forEach(t, func(t *testing.T, c combination, r resolved) {
		p := r.resources["DemoFunction"]["Properties"].(object)
		architecture, auth := "arm64", "AWS_IAM"
		if c.params["Architecture"] != "" {
			architecture = c.params["Architecture"]
		}
		if c.params["UrlAuth"] != "" {
			auth = c.params["UrlAuth"]
		}
		for name, got := range map[string][2]any{
			"Runtime":       {p["Runtime"], "provided.al2023"},
			"Handler":       {p["Handler"], "bootstrap"},
			"CodeUri":       {p["CodeUri"], "."},
			"Architectures": {strings.Join(strs(p["Architectures"]), " "), architecture},
			"AuthType":      {dig(p, "FunctionUrlConfig", "AuthType"), auth},
			"LogFormat":     {dig(p, "LoggingConfig", "LogFormat"), "JSON"},
			"LogGroup":      {dig(p, "LoggingConfig", "LogGroup"), "the-demologs"},
		} {
			if got[0] != got[1] {
				t.Errorf("%s is %v, want %v", name, got[0], got[1])
			}
		}
		vpc := dig(p, "VpcConfig")
		if usesRedis := r.resources["Redis"] != nil; (vpc != nil) != usesRedis {
			t.Errorf("VpcConfig is %v", vpc)
		} else if usesRedis && len(strs(dig(vpc, "SubnetIds"))) != 2 {
			t.Errorf("subnets: %v", dig(vpc, "SubnetIds"))
		}
	})
}

func TestRulesAskForANetworkWhereRedisNeedsOne(t *testing.T) {
	raw := loadTemplate(t)
	for _, c := range []struct {
		name    string
		params  map[string]string
		applies bool
		passed  int // of the two assertions
	}{
		{"S3 needs none", nil, false, 0},
		{"Redis without one is refused twice", map[string]string{"Backend": "redis"}, true, 0},
		{"Redis with a VPC alone is refused", map[string]string{"Backend": "redis", "VpcId": "vpc-0a1"}, true, 1},
		{"Redis before S3 with all of it passes", with(network, "Backend", "redis s3"), true, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			rule := dig(resolve(t, raw, c.params).rules, "RedisNeedsNetwork").(object)
			passed := 0
			for _, a := range list(rule["Assertions"]) {
				if dig(a, "AssertDescription") == nil {
					t.Error("an assertion without a description")
				}
				if dig(a, "Assert") == true {
					passed++
				}
			}
			if rule["RuleCondition"] != c.applies || c.applies && passed != c.passed {
				t.Errorf("applies: %v, %d passed; want %v, %d", rule["RuleCondition"], passed, c.applies, c.passed)
			}
		})
	}
}
