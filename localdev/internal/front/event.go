package front

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/container"
	"github.com/stillwarm/stillwarm/localdev/internal/guard"
	"github.com/stillwarm/stillwarm/localdev/internal/journal"
)

// invoke answers the Invoke API: a raw event in, the function's raw answer out.
func (s *Server) invoke(w http.ResponseWriter, r *http.Request) {
	if guard.Foreign(r) {
		refusal{http.StatusForbidden, "ForbiddenOrigin", "the Invoke API does not answer web pages of another origin"}.write(w, r)
		return
	}
	body, err := s.readBody(w, r)
	if err != nil {
		explain(err).write(w, r)
		return
	}
	call, bad := eventCall(r, body)
	if bad != nil {
		bad.write(w, r)
		return
	}
	w.Header().Set("X-Amzn-Requestid", call.RequestID)
	w.Header().Set("X-Amzn-Trace-Id", call.TraceID)
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
		out := s.Event(r.Context(), call, 0)
		out.writeEvent(w, r)
	case "Event":
		s.Async(func(ctx context.Context) { _ = s.Event(ctx, call, 0) })
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	default:
		refusal{http.StatusBadRequest, "InvalidParameterValueException",
			"X-Amz-Invocation-Type is " + kind + ", not RequestResponse, Event or DryRun"}.write(w, r)
	}
}

// eventCall makes a call of a raw event, or says what is wrong with it.
func eventCall(r *http.Request, body []byte) (*container.Call, *refusal) {
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}") // what the service makes of an empty body
	}
	if !json.Valid(body) {
		return nil, &refusal{http.StatusBadRequest, "InvalidRequestContentException",
			"Could not parse request body into json"}
	}
	call := newCall("event", body, r)
	call.TenantID = r.Header.Get("X-Amz-Tenant-Id")
	if encoded := r.Header.Get("X-Amz-Client-Context"); encoded != "" {
		decoded, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || !json.Valid(decoded) {
			return nil, &refusal{http.StatusBadRequest, "InvalidRequestContentException",
				"Client context must be a valid Base64-encoded JSON object."}
		}
		var compact bytes.Buffer // line ends in it could not travel in a header
		_ = json.Compact(&compact, decoded)
		call.ClientContext = compact.String()
	}
	return call, nil
}

// EventResult is what became of a raw event.
type EventResult struct {
	Answer  container.Answer
	Payload []byte // the whole answer
	Err     error  // why there is no answer
}

// Event runs a raw event to its answer and writes the journal. slot chooses the container, 0 any.
func (s *Server) Event(ctx context.Context, call *container.Call, slot int) EventResult {
	s.Journal.Begin(journal.Invocation{RequestID: call.RequestID, Started: call.Received})
	s.Journal.Payload(call.RequestID, call.Payload)
	a, reached, err := s.Do(ctx, call, slot)
	out := EventResult{Answer: a, Err: err}
	status, fault := http.StatusOK, ""
	if err == nil {
		out.Payload, out.Err = io.ReadAll(a.Body)
		a.Close()
	}
	switch {
	case out.Err != nil:
		f := explain(out.Err)
		status, fault = f.status, f.reason
	case a.FunctionError != "":
		fault = errorWords(out.Payload)
	}
	took := time.Since(call.Received)
	s.Journal.Responded(call.RequestID, journal.Response{
		Body: out.Payload[:min(len(out.Payload), keptBody)], Size: int64(len(out.Payload)), FirstByte: took, LastByte: took,
	})
	s.Journal.Served(call.RequestID, status, fault, reached)
	return out
}

func (e EventResult) writeEvent(w http.ResponseWriter, r *http.Request) {
	if e.Err != nil {
		explain(e.Err).write(w, r)
		return
	}
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	w.Header().Set("Content-Type", "application/json")
	if e.Answer.FunctionError != "" {
		w.Header().Set("X-Amz-Function-Error", e.Answer.FunctionError)
	} else if e.Answer.Streaming {
		w.Header().Set("Content-Type", e.Answer.ContentType)
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(e.Payload)
}
