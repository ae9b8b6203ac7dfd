package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/stillwarm/stillwarm/backends"
)

var (
	errLostRace = errors.New("another writer was first")
	errLost     = errors.New("the object vanished")
)

// codeOf returns the server's error code, or "".
func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

func statusOf(err error) int {
	if resp, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return resp.HTTPStatusCode()
	}
	return 0
}

// isNotFound reports that there is no such object. A missing bucket is something else.
func isNotFound(err error) bool {
	switch codeOf(err) {
	case "NoSuchKey", "NotFound", "NoSuchVersion":
		return true
	}
	return false
}

// isLostRace reports that a condition did not hold, or that two writers met: S3 says the latter with a code of its own,
// and the caller has to look who won.
func isLostRace(err error) bool {
	if errors.Is(err, errLostRace) {
		return true
	}
	switch codeOf(err) {
	case "PreconditionFailed", "ConditionalRequestConflict", "OperationAborted":
		return true
	}
	return statusOf(err) == http.StatusPreconditionFailed
}

// wrap gives an error its place, a hint and whether trying again helps. Context errors and the errors of package
// backends pass.
func (m *Manager) wrap(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if cerr := ctx.Err(); cerr != nil {
		return cerr // whatever the request died of, the caller's end was the reason
	}
	if _, ok := errors.AsType[*backends.Error](err); ok {
		return err
	}
	if m.closed.Load() {
		return fmt.Errorf("%s: %s: %w", m.place, op, backends.ErrClosed)
	}
	for _, target := range []error{backends.ErrConflict, backends.ErrLeased, backends.ErrMarked, backends.ErrLeaseLost, backends.ErrTooLarge} {
		if errors.Is(err, target) {
			return err
		}
	}
	e := &backends.Error{Backend: m.place, Op: op, Err: shorten(err)}
	e.Hint, e.Permanent = m.advise(err)
	return e
}

// sessionCode returns the error code with which a directory bucket refused a session. The SDK hands such an error on as
// text only, so that there is nothing else to find it by.
func sessionCode(err error) string {
	_, rest, ok := strings.Cut(err.Error(), "CreateSession")
	if !ok {
		return ""
	}
	_, rest, _ = strings.Cut(rest, "api error ")
	code, _, _ := strings.Cut(rest, ":")
	return code
}

// cause is an error with a text that fits into a log line, and the SDK's chain behind it.
type cause struct {
	text string
	err  error
}

func (c *cause) Error() string { return c.text }
func (c *cause) Unwrap() error { return c.err }

// shorten drops what the SDK puts around the server's answer, and the request's URL around a network error.
func shorten(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		text := api.ErrorCode()
		if msg := strings.TrimSpace(api.ErrorMessage()); msg != "" && msg != text {
			text += ": " + msg
		}
		if resp, ok := errors.AsType[*awshttp.ResponseError](err); ok && resp.RequestID != "" {
			text += " [request " + resp.RequestID + "]"
		}
		return &cause{text: text, err: err}
	}
	if login, ok := errors.AsType[*credentialsError](err); ok {
		return &cause{text: login.Error(), err: err}
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return &cause{text: u.Err.Error(), err: err}
	}
	return err
}

// advise says what to check, and whether somebody has to change something before the same call can succeed.
func (m *Manager) advise(err error) (hint string, permanent bool) {
	if login, ok := errors.AsType[*credentialsError](err); ok {
		return login.hint, login.permanent
	}
	if code := codeOf(err); code != "" {
		return m.adviseCode(code, err)
	}
	if code := sessionCode(err); code != "" {
		return m.adviseCode(code, err)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return "check region and endpoint: the host name does not exist", true
	}
	if strings.Contains(err.Error(), "x509:") || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return "check the endpoint's scheme and certificate", true
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "nothing answered: a function in a VPC needs a gateway endpoint for S3 or a NAT", false
	}
	return "", false
}

func (m *Manager) adviseCode(code string, err error) (hint string, permanent bool) {
	switch code {
	case "AccessDenied", "Forbidden", "AllAccessDisabled", "AccountProblem", "MethodNotAllowed":
		if m.o.BucketOwner != "" {
			return "the bucket may belong to another account than bucket-owner says; else " + m.neededPermissions(), true
		}
		return m.neededPermissions(), true
	case "InvalidAccessKeyId", "XAdminUserNotFound", "SignatureDoesNotMatch", "AuthFailure", "InvalidToken", "InvalidSecurity", "NotSignedUp":
		return "the server does not know these credentials: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and " +
			"AWS_SESSION_TOKEN, and that they belong to this endpoint", true
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		return "the credentials have expired: log in again, or let the environment renew them", true
	case "NoSuchBucket":
		return fmt.Sprintf("create the bucket %q, or check its name, region and endpoint", m.o.Bucket), true
	case "PermanentRedirect", "MovedPermanently", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException",
		"BadRequest":
		return m.regionHint(err), true
	case "TemporaryRedirect":
		return "a new bucket's name takes a while to spread; naming its region helps at once", false
	case "RequestTimeTooSkewed", "RequestExpired":
		return "the clock of this machine differs from the server's by more than 15 minutes", false
	case "SlowDown", "ServiceUnavailable", "TooManyRequests", "ThrottlingException":
		return "the server asks for fewer requests; it adapts to a new load within minutes", false
	case "InternalError", "RequestTimeout", "OperationAborted", "ConditionalRequestConflict":
		return "", false
	case "InvalidObjectState":
		return "a lifecycle rule moved the object into an archive; entries must stay in classes that can be read at once", true
	case "NotImplemented":
		return "the server does not know a part of the protocol that is used, such as conditional writes: try conditional-writes=false or checksum=false; " +
			"docs/s3.md says what each costs", true
	}
	if strings.HasPrefix(code, "KMS") {
		return "check the KMS key, and kms:Decrypt and kms:GenerateDataKey on it", true
	}
	status := statusOf(err)
	return "", status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
}

// neededPermissions lists what a role needs. Without s3:ListBucket S3 answers 403, not 404, for an object that is not
// there: then every miss looks like a missing permission.
func (m *Manager) neededPermissions() string {
	if isDirectoryBucket(m.o.Bucket) {
		return "the role needs s3express:CreateSession on the directory bucket " + m.o.Bucket
	}
	bucket := m.o.Bucket
	if !strings.HasPrefix(bucket, "arn:") {
		bucket = "arn:aws:s3:::" + bucket
	}
	hint := fmt.Sprintf("the credentials are known but not allowed to do this: the role needs s3:GetObject, s3:PutObject "+
		"and s3:DeleteObject on %s/%s*, and s3:ListBucket on %s, without which a missing object looks like this too",
		bucket, m.layout.root, bucket)
	if strings.HasPrefix(m.o.SSE, "aws:kms") || m.o.SSE == "" {
		hint += "; where the bucket is encrypted with a KMS key, kms:Decrypt and kms:GenerateDataKey on that key"
	}
	return hint
}

func (m *Manager) regionHint(err error) string {
	if resp, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && resp.Response != nil && resp.Response.Response != nil {
		if region := resp.Response.Header.Get("X-Amz-Bucket-Region"); region != "" {
			return fmt.Sprintf("the bucket is in another region: use region=%s", region)
		}
	}
	return "the bucket is in another region: check region and endpoint"
}

// deleteError is what a server answers for one object of many. It is a [smithy.APIError], so that it gets its hint.
type deleteError struct{ code, message string }

func (e *deleteError) Error() string                 { return e.code + ": " + e.message }
func (e *deleteError) ErrorCode() string             { return e.code }
func (e *deleteError) ErrorMessage() string          { return e.message }
func (e *deleteError) ErrorFault() smithy.ErrorFault { return smithy.FaultUnknown }
