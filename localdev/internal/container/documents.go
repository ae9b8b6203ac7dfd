package container

import (
	"encoding/json"
	"fmt"
	"time"
)

// The types of the documents that tell of a process that did not answer.
const (
	TypeTimedOut = "Sandbox.Timedout"
	TypeExit     = "Runtime.ExitError"
)

// document returns an error document in the form that the service sends when a function could not answer.
func document(errorType, requestID, message string) []byte {
	b, err := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{errorType, "RequestId: " + requestID + " Error: " + message})
	if err != nil { // strings always encode
		return []byte(`{"errorType":"Runtime.Unknown","errorMessage":"` + errorType + `"}`)
	}
	return b
}

func timeoutDocument(requestID string, after time.Duration) []byte {
	return document(TypeTimedOut, requestID, fmt.Sprintf("Task timed out after %.2f seconds", after.Seconds()))
}

func initTimeoutDocument(requestID string, after time.Duration) []byte {
	return document(TypeTimedOut, requestID, fmt.Sprintf(
		"Init timed out after %.2f seconds: the function did not ask for its first invocation", after.Seconds()))
}

func exitDocument(requestID, exit string) []byte {
	if exit == "" {
		return document(TypeExit, requestID, "Runtime exited without providing a reason")
	}
	return document(TypeExit, requestID, "Runtime exited with error: "+exit)
}

func stoppedDocument(requestID string) []byte {
	return document(TypeExit, requestID, "the local runner stopped during the invocation")
}
