package runner_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/stillwarm/stillwarm/localdev/runner"
)

// Set Function to the folder of a main package to have it built; Binary takes one that is built already.
func ExampleStart() {
	ctx := context.Background()
	r, err := runner.Start(ctx, runner.Options{Binary: probe, Containers: 2})
	if err != nil {
		panic(err)
	}
	defer r.Close()

	arg := url.QueryEscape(`{"price": 250}`)
	response, err := http.Get(r.URL() + "/?do=raw&arg=" + arg) //nolint:noctx // an example of a plain client
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	fmt.Println(response.StatusCode, string(body), err)
	// Output: 200 {"price":250} <nil>
}

// Invoke sends a raw event, as the service's Invoke API does. The second invocation finds a warm container.
func ExampleRunner_Invoke() {
	ctx := context.Background()
	r, err := runner.Start(ctx, runner.Options{Binary: probe})
	if err != nil {
		panic(err)
	}
	defer r.Close()

	for range 2 {
		answer, err := r.Invoke(ctx, []byte(`{"do": "raw", "arg": "{\"price\": 250}"}`))
		if err != nil {
			panic(err)
		}
		if err := r.WaitIdle(ctx); err != nil { // work after the response is done
			panic(err)
		}
		fmt.Println(string(answer.Payload), "cold:", answer.Cold)
	}
	// Output:
	// {"price":250} cold: true
	// {"price":250} cold: false
}
