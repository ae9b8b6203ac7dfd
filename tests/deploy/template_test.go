package deploy

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/awslabs/goformation/v7/intrinsics"
)

// root is the repository's folder.
var root = filepath.Join("..", "..")

// object is a JSON object.
type object = map[string]any

// loadTemplate returns template.yaml as JSON would hold it, with the long forms of its intrinsic functions.
func loadTemplate(t *testing.T) object {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := intrinsics.ProcessYAML(text, &intrinsics.ProcessorOptions{NoProcess: true})
	if err != nil {
		t.Fatal(err)
	}
	var tpl object
	if err := json.Unmarshal(asJSON, &tpl); err != nil {
		t.Fatal(err)
	}
	return tpl
}

// network are the parameters without which the rules of the template refuse a backend with redis.
var network = map[string]string{"VpcId": "vpc-0a1", "SubnetIds": "subnet-0a1,subnet-0b2", "S3PrefixListId": "pl-0a1"}

// combination is a choice of parameters that changes what is made.
type combination struct {
	name   string
	params map[string]string
	// made are the resources beside those that are always made.
	made []string
	// backend is what STILLWARM_BACKEND comes to, with the names that the resolver gives resources.
	backend string
}

var (
	always     = []string{"DemoFunction", "DemoLogs", "DemoRole"}
	withS3     = []string{"CacheBucket", "CacheBucketPolicy"}
	withRedis  = []string{"FunctionSecurityGroup", "FunctionToRedis", "Redis", "RedisSecurityGroup"}
	withTokens = []string{"RedisUser", "RedisUsers"}
)

const (
	s3URL     = "s3://the-cachebucket/cache"
	tokenURL  = "rediss://the-redisuser@redis.endpoint.address:6379?cluster=true&iam=the-redis&iam-serverless=true"
	keyARN    = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab"
	openURL   = "rediss://redis.endpoint.address:6379?cluster=true"
	secretARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:seal-AbCdEf"
)

var combinations = []combination{
	{"defaults: S3", nil, withS3, s3URL},
	{"S3, x86", map[string]string{"Backend": "s3", "Architecture": "x86_64"}, withS3, s3URL},
	{"S3, sealed, with a public URL", map[string]string{"SealKeysSecretArn": secretARN, "UrlAuth": "NONE"}, withS3, s3URL},
	{"S3, sealed with a version", map[string]string{"SealKeysSecretArn": secretARN, "SealKeysVersionId": "1a-2b"}, withS3, s3URL},
	{"S3 does not read the network's parameters", network, withS3, s3URL},
	{"Redis with tokens", with(network, "Backend", "redis"), slices.Concat(withRedis, withTokens), tokenURL},
	{"Redis without a password", with(network, "Backend", "redis", "RedisAuth", "none"), withRedis, openURL},
	{"S3 with a key of one's own", map[string]string{"KmsKeyArn": keyARN}, withS3, s3URL},
	{"Redis with a key of one's own", with(network, "Backend", "redis", "KmsKeyArn", keyARN), slices.Concat(withRedis, withTokens), tokenURL},
	{"S3 with metrics", map[string]string{"Metrics": "emf"}, slices.Concat(withS3, []string{"Dashboard"}), s3URL},
	{
		"Redis before S3", with(network, "Backend", "redis s3"), slices.Concat(withS3, withRedis, withTokens),
		tokenURL + " " + s3URL,
	},
	{
		"Redis without a password before S3", with(network, "Backend", "redis s3", "RedisAuth", "none"),
		slices.Concat(withS3, withRedis), openURL + " " + s3URL,
	},
	{
		"Redis before S3, with the endpoint for S3", with(network, "Backend", "redis s3", "RouteTableIds", "rtb-0a1,rtb-0b2"),
		slices.Concat(withS3, withRedis, withTokens, []string{"S3Endpoint"}), tokenURL + " " + s3URL,
	},
}

// with returns params and some more, as name, value, name, value.
func with(params map[string]string, more ...string) map[string]string {
	all := maps.Clone(params)
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

// forEach runs a subtest with the resolved template of every combination.
func forEach(t *testing.T, test func(t *testing.T, c combination, tpl resolved)) {
	t.Helper()
	raw := loadTemplate(t)
	for _, c := range combinations {
		t.Run(c.name, func(t *testing.T) { test(t, c, resolve(t, raw, c.params)) })
	}
}

// dig returns what is at the end of a path of keys, or nil.
func dig(v any, path ...string) any {
	for _, name := range path {
		o, ok := v.(object)
		if !ok {
			return nil
		}
		v = o[name]
	}
	return v
}

// list returns a value that may be one or several as several.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

func strs(v any) []string {
	var all []string
	for _, s := range list(v) {
		text, _ := s.(string)
		all = append(all, text)
	}
	return all
}

func sorted[T ~[]string](names T) []string {
	all := slices.Clone([]string(names))
	slices.Sort(all)
	return all
}

// lower is how the resolver makes a physical name of a logical one.
func lower(logical string) string { return "the-" + strings.ToLower(logical) }
