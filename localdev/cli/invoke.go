package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"github.com/stillwarm/stillwarm/localdev/internal/samples"
)

// Invoke is the subcommand that sends an event to the function that dev runs.
type Invoke struct {
	Event string `arg:"" placeholder:"EVENT" help:"File with the event, JSON; - for standard input; or the name of a sample: see events."`
	Addr  string `default:"127.0.0.1:8787" placeholder:"ADDRESS" help:"Where dev listens."`
	Async bool   `help:"Do not wait for the answer."`
}

// Run writes the function's answer. A function that fails is an error, after its document was written.
func (i *Invoke) Run(ctx context.Context, k *kong.Context) error {
	event, err := readEvent(i.Event, os.Stdin)
	if err != nil {
		return &UsageError{err}
	}
	addr, err := address(i.Addr)
	if err != nil {
		return &UsageError{err}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/2015-03-31/functions/function/invocations", bytes.NewReader(event))
	if err != nil {
		return err
	}
	if i.Async {
		request.Header.Set("X-Amz-Invocation-Type", "Event")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("nothing answers at %s; start the function with: %s FOLDER", addr, Program)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(k.Stdout, strings.TrimSpace(string(answer))); err != nil {
		return err
	}
	if kind := response.Header.Get("X-Amz-Function-Error"); kind != "" {
		return errors.New("the function failed (" + kind + ")")
	}
	if response.StatusCode >= 300 {
		return errors.New(response.Status)
	}
	return nil
}

// readEvent returns the event that a word names.
func readEvent(word string, stdin io.Reader) ([]byte, error) {
	var event []byte
	var err error
	if word == "-" {
		event, err = io.ReadAll(stdin)
	} else if event, err = os.ReadFile(word); os.IsNotExist(err) {
		s, unknown := samples.ByName(word)
		if unknown != nil {
			return nil, fmt.Errorf("%s is neither a file nor a sample: %w", word, unknown)
		}
		event, err = []byte(s.Event), nil
	}
	if err == nil && !json.Valid(event) {
		err = fmt.Errorf("%s is not JSON", word)
	}
	return event, err
}

// Events is the subcommand that writes sample events.
type Events struct {
	Name string `arg:"" optional:"" placeholder:"NAME" help:"The sample to write. Default: list them."`
}

// Run writes the sample, or the list.
func (e *Events) Run(k *kong.Context) error {
	if e.Name != "" {
		s, err := samples.ByName(e.Name)
		if err != nil {
			return &UsageError{err}
		}
		_, err = fmt.Fprintln(k.Stdout, strings.TrimSpace(s.Event))
		return err
	}
	w := tabwriter.NewWriter(k.Stdout, 0, 0, 2, ' ', 0)
	for _, s := range samples.All() {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", s.Name, s.Title)
	}
	return w.Flush()
}
