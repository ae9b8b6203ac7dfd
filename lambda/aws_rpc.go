//go:build !lambda.norpc

package lambda

import awslambda "github.com/aws/aws-lambda-go/lambda"

// Function serves a handler to the retired go1.x runtime.
//
// Deprecated: it exists because net/rpc needs an exported type; build with -tags lambda.norpc to leave it out.
type Function = awslambda.Function //nolint:staticcheck // deprecated there as here

// NewFunction returns a Function that serves the handler.
//
// Deprecated: see [Function].
func NewFunction(handler Handler) *Function { return awslambda.NewFunction(NewHandler(handler)) }
