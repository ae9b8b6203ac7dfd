package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	envRelative  = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
	envFull      = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	envToken     = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
	envTokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

	ecsHost          = "169.254.170.2"
	endpointTries    = 3
	endpointTimeout  = 2 * time.Second
	maxEndpointReply = 64 << 10
)

// containerEndpoint returns the URL that the environment names, and false where it names none.
func containerEndpoint() (string, bool, error) {
	if path := os.Getenv(envRelative); path != "" {
		return "http://" + ecsHost + "/" + strings.TrimPrefix(path, "/"), true, nil
	}
	full := os.Getenv(envFull)
	if full == "" {
		return "", false, nil
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", false, &credentialsError{what: envFull + " is not a URL", permanent: true,
			hint: "the platform sets it; unset it where it does not"}
	}
	if u.Scheme == "http" && !isLinkLocal(u.Hostname()) {
		return "", false, &credentialsError{what: envFull + " names a host that may not be asked without TLS", permanent: true,
			hint: "use https, a loopback address, or the address of the ECS or EKS agent"}
	}
	return full, true, nil
}

// isLinkLocal reports whether a request to host stays on the machine: the token in it must not travel in clear.
func isLinkLocal(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	switch addr.String() {
	case ecsHost, "169.254.170.23", "fd00:ec2::23":
		return true
	}
	return addr.IsLoopback()
}

// fetchCredentials asks the endpoint, again a few times where it is not ready or the network failed.
func fetchCredentials(ctx context.Context, where string) (aws.Credentials, error) {
	client := &http.Client{Timeout: endpointTimeout, Transport: &http.Transport{
		DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext, DisableKeepAlives: true, // asked once an hour
	}}
	var last error
	for try := range endpointTries {
		if try > 0 {
			if err := sleep(ctx, backoff(try, true)); err != nil {
				return aws.Credentials{}, err
			}
		}
		creds, again, err := fetchOnce(ctx, client, where)
		if err == nil {
			return creds, nil
		}
		last = err
		if !again {
			break
		}
	}
	return aws.Credentials{}, &credentialsError{what: "ask the container credentials endpoint", err: last,
		hint: "check that the task, pod or function has a role"}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func fetchOnce(ctx context.Context, client *http.Client, where string) (_ aws.Credentials, again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return aws.Credentials{}, false, errors.New("the address is not a URL")
	}
	req.Header.Set("Accept", "application/json")
	token, err := containerToken()
	if err != nil {
		return aws.Credentials{}, false, err
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return aws.Credentials{}, ctx.Err() == nil, withoutURL(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxEndpointReply))
	if err != nil {
		return aws.Credentials{}, true, withoutURL(err)
	}
	if resp.StatusCode != http.StatusOK {
		// The body may repeat the token.
		again := resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests
		return aws.Credentials{}, again, fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	creds, err := parseCredentials(body)
	return creds, false, err
}

// containerToken reads the file anew each time: the platform replaces it.
func containerToken() (string, error) {
	token := os.Getenv(envToken)
	if path := os.Getenv(envTokenFile); path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", envTokenFile, err)
		}
		token = string(b)
	}
	token = strings.TrimSpace(token)
	if strings.ContainsAny(token, "\r\n") {
		return "", errors.New("the authorization token has a line break in it")
	}
	return token, nil
}

func parseCredentials(body []byte) (aws.Credentials, error) {
	var reply struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
		Expiration      *time.Time
	}
	if err := json.Unmarshal(body, &reply); err != nil || reply.AccessKeyID == "" || reply.SecretAccessKey == "" {
		return aws.Credentials{}, errors.New("the reply holds no credentials") // it is not shown: it may hold half of them
	}
	creds := aws.Credentials{
		AccessKeyID: reply.AccessKeyID, SecretAccessKey: reply.SecretAccessKey, SessionToken: reply.Token, Source: "container endpoint",
	}
	if reply.Expiration != nil {
		creds.CanExpire, creds.Expires = true, *reply.Expiration
	}
	return creds, nil
}

// withoutURL drops the address from a network error: its path is what authorises in some places.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
