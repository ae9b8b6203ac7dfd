package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// statement is one statement of a policy.
type statement struct {
	policy             string
	effect             string
	actions, resources []string
	condition          object
}

func statements(name string, document any) []statement {
	var all []statement
	for _, s := range list(dig(document, "Statement")) {
		condition, _ := dig(s, "Condition").(object)
		all = append(all, statement{
			policy: name, effect: dig(s, "Effect").(string), condition: condition,
			actions: strs(dig(s, "Action")), resources: strs(dig(s, "Resource")),
		})
	}
	return all
}

// roleStatements returns what the function's role may do.
func roleStatements(t *testing.T, r resolved) []statement {
	t.Helper()
	var all []statement
	role := r.resources["DemoRole"]["Properties"].(object)
	if role["ManagedPolicyArns"] != nil {
		t.Errorf("managed policies allow more than is needed: %v", role["ManagedPolicyArns"])
	}
	for _, p := range list(role["Policies"]) {
		all = append(all, statements(dig(p, "PolicyName").(string), dig(p, "PolicyDocument"))...)
	}
	return all
}

// allowed is everything that the role may do, by the resource that makes it necessary: action and resource.
var allowed = map[string][]string{
	"DemoFunction": {"logs:CreateLogStream arn:DemoLogs:*", "logs:PutLogEvents arn:DemoLogs:*"},
	"CacheBucket": {
		"s3:GetObject arn:CacheBucket/cache/*", "s3:PutObject arn:CacheBucket/cache/*", "s3:DeleteObject arn:CacheBucket/cache/*",
		"s3:ListBucket arn:CacheBucket",
	},
	"RedisUser": {"elasticache:Connect arn:Redis", "elasticache:Connect arn:RedisUser"},
	// EC2 knows no narrower resource; a Deny keeps the function's own code from it.
	"Redis": {
		"ec2:CreateNetworkInterface *", "ec2:DescribeNetworkInterfaces *", "ec2:DescribeSubnets *",
		"ec2:DeleteNetworkInterface *", "ec2:AssignPrivateIpAddresses *", "ec2:UnassignPrivateIpAddresses *",
	},
}

func TestRoleMayDoWhatIsDocumentedAndNothingElse(t *testing.T) {
	forEach(t, func(t *testing.T, c combination, r resolved) {
		var got, want []string
		for because, permissions := range allowed {
			if r.resources[because] != nil {
				want = append(want, permissions...)
			}
		}
		if r.resources["CacheBucket"] != nil && c.params["KmsKeyArn"] != "" {
			want = append(want, "kms:Decrypt "+keyARN, "kms:GenerateDataKey "+keyARN)
		}
		for _, s := range roleStatements(t, r) {
			if s.effect != "Allow" {
				continue
			}
			for _, action := range s.actions {
				if strings.Contains(action, "*") {
					t.Errorf("policy %s allows %s", s.policy, action)
				}
				for _, resource := range s.resources {
					got = append(got, action+" "+resource)
				}
			}
		}
		if !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("may do\n%s\nwant\n%s", strings.Join(sorted(got), "\n"), strings.Join(sorted(want), "\n"))
		}
	})
}

func TestFunctionItselfMayNotTouchTheNetwork(t *testing.T) {
	forEach(t, func(t *testing.T, _ combination, r resolved) {
		denied := false
		for _, s := range roleStatements(t, r) {
			if s.effect == "Deny" && slices.Equal(s.actions, []string{"ec2:*"}) && slices.Equal(s.resources, []string{"*"}) {
				source := dig(s.condition, "ArnLike", "lambda:SourceFunctionArn")
				denied = source == "arn:aws:lambda:eu-central-1:123456789012:function:*"
			}
		}
		if denied != (r.resources["Redis"] != nil) {
			t.Errorf("denied: %v", denied)
		}
	})
}

func TestBucketIsClosedEncryptedAndEmptiesItself(t *testing.T) {
	forEach(t, func(t *testing.T, c combination, r resolved) {
		if r.resources["CacheBucket"] == nil {
			t.Skip("this combination makes no bucket")
		}
		p := r.resources["CacheBucket"]["Properties"].(object)
		for _, name := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			if dig(p, "PublicAccessBlockConfiguration", name) != true {
				t.Errorf("%s is not set", name)
			}
		}
		encryption := list(dig(p, "BucketEncryption", "ServerSideEncryptionConfiguration"))
		algorithm := "AES256"
		if c.params["KmsKeyArn"] != "" {
			algorithm = "aws:kms"
		}
		if len(encryption) != 1 || dig(encryption[0], "ServerSideEncryptionByDefault", "SSEAlgorithm") != algorithm {
			t.Errorf("encryption: %v", encryption)
		}
		if own := list(dig(p, "OwnershipControls", "Rules")); len(own) != 1 || dig(own[0], "ObjectOwnership") != "BucketOwnerEnforced" {
			t.Errorf("ownership: %v", own)
		}
		if p["AccessControl"] != nil || p["VersioningConfiguration"] != nil || p["WebsiteConfiguration"] != nil {
			t.Errorf("the bucket has access control lists, versions or a website")
		}
		rules := map[string]string{}
		for _, rule := range list(dig(p, "LifecycleConfiguration", "Rules")) {
			if dig(rule, "Status") != "Enabled" {
				t.Errorf("a rule is off: %v", rule)
			}
			abort := dig(rule, "AbortIncompleteMultipartUpload", "DaysAfterInitiation")
			rules[fmt.Sprint(dig(rule, "Prefix"))] = fmt.Sprint(dig(rule, "ExpirationInDays"), " ", abort)
		}
		want := map[string]string{"cache/e/": "7 <nil>", "cache/l/": "1 <nil>", "<nil>": "<nil> 1"}
		if fmt.Sprint(rules) != fmt.Sprint(want) {
			t.Errorf("lifecycle: %v, want %v; generations must not expire", rules, want)
		}
	})
}

func TestBucketRefusesStrangersAndWhatIsNotEncryptedOnItsWay(t *testing.T) {
	r := resolve(t, loadTemplate(t), nil)
	all := statements("bucket policy", dig(r.resources["CacheBucketPolicy"], "Properties", "PolicyDocument"))
	if len(all) != 2 {
		t.Fatalf("%d statements", len(all))
	}
	for _, s := range all {
		if s.effect != "Deny" || !slices.Equal(s.actions, []string{"s3:*"}) || !slices.Equal(s.resources, []string{"arn:CacheBucket", "arn:CacheBucket/*"}) {
			t.Errorf("the bucket's policy should allow nobody anything: %+v", s)
		}
	}
	if dig(all[0].condition, "Bool", "aws:SecureTransport") != "false" {
		t.Errorf("%+v", all[0])
	}
	if dig(all[1].condition, "StringNotEquals", "aws:PrincipalAccount") != "123456789012" {
		t.Errorf("%+v", all[1])
	}
}

func TestCacheIsReachedByTheFunctionOnly(t *testing.T) {
	forEach(t, func(t *testing.T, _ combination, r resolved) {
		if r.resources["Redis"] == nil {
			t.Skip("this combination makes no Redis")
		}
		ingress := list(dig(r.resources["RedisSecurityGroup"], "Properties", "SecurityGroupIngress"))
		if len(ingress) != 1 || dig(ingress[0], "SourceSecurityGroupId") != "functionsecuritygroup.groupid" || dig(ingress[0], "CidrIp") != nil {
			t.Errorf("the cache lets in %v", ingress)
		}
		egress := list(dig(r.resources["FunctionSecurityGroup"], "Properties", "SecurityGroupEgress"))
		if len(egress) != 1 {
			t.Fatalf("beside the cache the function reaches %v", egress)
		}
		nowhere := dig(egress[0], "CidrIp") == "127.0.0.1/32" && dig(egress[0], "DestinationPrefixListId") == nil
		onlyS3 := dig(egress[0], "DestinationPrefixListId") == "pl-0a1" && dig(egress[0], "CidrIp") == nil && fmt.Sprint(dig(egress[0], "ToPort")) == "443"
		if usesS3 := r.resources["CacheBucket"] != nil; usesS3 != onlyS3 || usesS3 == nowhere {
			t.Errorf("beside the cache the function reaches %v", egress)
		}
		cache := r.resources["Redis"]["Properties"].(object)
		if cache["Engine"] != "valkey" || (cache["UserGroupId"] != nil) != (r.resources["RedisUsers"] != nil) {
			t.Errorf("the cache: %v", cache)
		}
		if dig(cache, "CacheUsageLimits", "DataStorage", "Maximum") == nil || dig(cache, "CacheUsageLimits", "ECPUPerSecond", "Maximum") == nil {
			t.Errorf("the cache's cost has no limit: %v", cache["CacheUsageLimits"])
		}
	})
}

// The page about Redis says what its user needs, and a test there holds it to a real server.
func TestRedisUserMayDoWhatThePageSays(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "redis.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, line, ok := strings.Cut(string(page), "ACL SETUSER app on >password ")
	if !ok {
		t.Fatal("docs/redis.md has no ACL SETUSER line")
	}
	line, _, _ = strings.Cut(line, "\n")
	// ElastiCache takes no passwords and no resets in an access string.
	want := "on " + strings.ReplaceAll(line, "resetchannels ", "")
	r := resolve(t, loadTemplate(t), with(network, "Backend", "redis"))
	p := r.resources["RedisUser"]["Properties"].(object)
	if p["AccessString"] != want {
		t.Errorf("the access string is\n%v\nwant\n%v", p["AccessString"], want)
	}
	if p["UserId"] != p["UserName"] || dig(p, "AuthenticationMode", "Type") != "iam" {
		t.Errorf("with IAM the id must equal the name: %v", p)
	}
}
