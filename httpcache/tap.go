package httpcache

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// tap passes an answer through as it is, and lets the header be seen once before it goes out. Whatever the writer below can
// do, [http.ResponseController] finds through Unwrap.
type tap struct {
	http.ResponseWriter
	onHeader func(status int, h http.Header)
	wrote    bool
	hijacked bool
}

func (t *tap) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (t *tap) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		t.see(status)
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *tap) see(status int) {
	if !t.wrote {
		t.wrote = true
		t.onHeader(status, t.Header())
	}
}

func (t *tap) Write(b []byte) (int, error) {
	t.see(http.StatusOK)
	return t.ResponseWriter.Write(b)
}

func (t *tap) WriteString(s string) (int, error) {
	t.see(http.StatusOK)
	return io.WriteString(t.ResponseWriter, s)
}

// ReadFrom lets the writer below send a file without copying it.
func (t *tap) ReadFrom(src io.Reader) (int64, error) {
	t.see(http.StatusOK)
	return io.Copy(t.ResponseWriter, src)
}

func (t *tap) Flush() { _ = t.FlushError() }

func (t *tap) FlushError() error {
	t.see(http.StatusOK)
	return http.NewResponseController(t.ResponseWriter).Flush()
}

func (t *tap) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	t.hijacked = t.hijacked || err == nil
	return conn, rw, err
}

func (t *tap) WriteForm(body []byte, form httpreq.Form) error {
	t.see(http.StatusOK)
	return writeWhole(t.ResponseWriter, body, form)
}

// WriteError passes on that the handler failed. A writer that cannot take an error gets a 500.
func (t *tap) WriteError(err error) {
	if ew, ok := t.ResponseWriter.(httpreq.ErrorWriter); ok {
		t.wrote = true
		ew.WriteError(err)
		return
	}
	t.WriteHeader(http.StatusInternalServerError)
}

// finish sees the header of a handler that wrote nothing.
func (t *tap) finish() {
	if !t.hijacked {
		t.see(http.StatusOK)
	}
}

// writeWhole writes a whole body, which a writer that takes one need not copy.
func writeWhole(w http.ResponseWriter, body []byte, form httpreq.Form) error {
	if fw, ok := w.(httpreq.FormWriter); ok {
		return fw.WriteForm(body, form)
	}
	return writeForm(w, body, form)
}

// writeForm writes a part of a body, or a whole one in the form in which it is.
func writeForm(w http.ResponseWriter, body []byte, form httpreq.Form) error {
	if fw, ok := w.(httpreq.FormWriter); ok && form != httpreq.Plain {
		return fw.WriteForm(body, form)
	}
	plain, err := form.Decode(body)
	if err != nil {
		return err
	}
	_, err = w.Write(plain)
	return err
}
