package front

import (
	"net/http"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/journal"
)

// keptBody is how much of a response's body is kept for the page.
const keptBody = 64 << 10

// recorder passes a response on and keeps its beginning.
type recorder struct {
	http.ResponseWriter
	began    time.Time
	response journal.Response
}

func record(w http.ResponseWriter, began time.Time) *recorder {
	return &recorder{ResponseWriter: w, began: began}
}

// Unwrap lets an http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader notes when the answer began.
func (r *recorder) WriteHeader(status int) {
	if status >= 200 {
		r.response.FirstByte = time.Since(r.began)
		r.response.LastByte = r.response.FirstByte
		r.response.Header = r.Header().Clone()
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write passes a part on.
func (r *recorder) Write(b []byte) (int, error) {
	if r.response.Header == nil {
		r.WriteHeader(http.StatusOK)
	}
	n, err := r.ResponseWriter.Write(b)
	if room := keptBody - len(r.response.Body); room > 0 {
		r.response.Body = append(r.response.Body, b[:min(n, room)]...)
	}
	r.response.Size += int64(n)
	r.response.LastByte = time.Since(r.began)
	return n, err
}
