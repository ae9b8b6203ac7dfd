package services

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/build"
	"github.com/stillwarm/stillwarm/localdev/internal/credentials"
)

// hasCredentials reports whether the function finds credentials in its own environment, as it does in Lambda.
func hasCredentials() bool {
	if os.Getenv("AWS_ACCESS_KEY_ID") != "" && os.Getenv("AWS_SECRET_ACCESS_KEY") != "" {
		return true
	}
	return os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "" || os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI") != ""
}

// developers are a developer's credentials.
type developers credentials.Credentials

// env is how Lambda gives a function the credentials of its role.
func (c developers) env() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + c.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey, "AWS_SESSION_TOKEN=" + c.SessionToken,
	}
}

// withRegion returns the backend's URL with the profile's region, where neither the URL nor the environment has one.
func (c developers) withRegion(u *url.URL) string {
	if c.Region == "" || u.Query().Get("region") != "" || os.Getenv("AWS_REGION") != "" || os.Getenv("AWS_DEFAULT_REGION") != "" {
		return u.String()
	}
	with := *u
	if with.RawQuery != "" {
		with.RawQuery += "&"
	}
	with.RawQuery += "region=" + url.QueryEscape(c.Region)
	return with.String()
}

// String says where the credentials come from, without them.
func (c developers) String() string {
	s := "credentials from your AWS configuration (" + c.Source + ")"
	if !c.Expires.IsZero() {
		s += ", until " + c.Expires.Local().Format("15:04") + "; start the runner again then"
	}
	return s
}

// findCredentials asks the AWS default chain. The warning says what to do where there are none.
func findCredentials(ctx context.Context, o Options) (found developers, warning string) {
	fmt.Fprintln(o.Progress, "no AWS credentials in the environment: asking the AWS configuration on this machine")
	ask := o.AskAWS
	if ask == nil {
		ask = func(ctx context.Context) (credentials.Credentials, error) { return askProgram(ctx, o) }
	}
	c, err := ask(ctx)
	if err != nil {
		return developers(c), fmt.Sprintf("no AWS credentials for s3://: %v. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in "+
			"and choose a profile with AWS_PROFILE", err)
	}
	return developers(c), ""
}

// askProgram builds and asks the command awschain of this module: the SDK's configuration is half of what this module
// would have to compile, and few need it. It takes the module's source on this machine.
func askProgram(ctx context.Context, o Options) (c credentials.Credentials, err error) {
	_, file, _, _ := runtime.Caller(0)
	source := filepath.Join(filepath.Dir(file), "..", "awschain")
	program := filepath.Join(o.Temp, "awschain")
	if _, err := os.Stat(source); err != nil {
		return c, errors.New("this command was built without what reads the AWS configuration, and its source is not here; the command stillwarm has it")
	}
	err = build.Build(ctx, build.Options{Dir: source, Output: program, Fast: true, Progress: o.Progress})
	if err != nil {
		return c, fmt.Errorf("the program that reads the AWS configuration was not built: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return c, errors.New(strings.TrimSpace(problem.String() + " (" + err.Error() + ")"))
	}
	return c, json.Unmarshal(out.Bytes(), &c)
}
