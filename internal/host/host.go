// Package host says what kind of process this is: whether it runs in Lambda, and whether it stands still between
// invocations.
package host

import (
	"os"
	"strconv"
)

// The environment that Lambda sets.
const (
	envFunction    = "AWS_LAMBDA_FUNCTION_NAME"
	envInitType    = "AWS_LAMBDA_INITIALIZATION_TYPE"
	envConcurrency = "AWS_LAMBDA_MAX_CONCURRENCY"
	managed        = "lambda-managed-instances"
)

// InLambda reports whether the process runs as a Lambda function, or as one does in an emulator.
func InLambda() bool { return os.Getenv(envFunction) != "" }

// OneAtATime reports whether Lambda gives the process one invocation at a time, and freezes it in between. It is true
// outside of Lambda, too, where nothing says otherwise: see [Freezes].
func OneAtATime() bool {
	n, _ := strconv.Atoi(os.Getenv(envConcurrency))
	return n <= 1 && os.Getenv(envInitType) != managed
}

// Freezes reports whether the process stands still between invocations, so that what a goroutine was left to do may
// never be done.
func Freezes() bool { return InLambda() && OneAtATime() }
