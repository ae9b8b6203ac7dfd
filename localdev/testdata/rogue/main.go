// Command rogue is a function that talks to the Runtime API by itself and breaks its rules on purpose. It prints what it
// is answered, one line a request: a name, the status, and the error's type.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

var api = "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API")

// say sends a request and prints the answer.
func say(name, method, path, body string, header ...string) *http.Response {
	request, err := http.NewRequest(method, api+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	b, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	var doc struct{ ErrorType string }
	_ = json.Unmarshal(b, &doc)
	fmt.Printf("%s: %d %s\n", name, response.StatusCode, doc.ErrorType)
	return response
}

func main() {
	const (
		runtime   = "/2018-06-01/runtime/"
		extension = "/2020-01-01/extension/"
	)
	say("register without a name", "POST", extension+"register", `{}`)
	say("register for nonsense", "POST", extension+"register", `{"events":["NONSENSE"]}`, "Lambda-Extension-Name", "x")
	say("register without JSON", "POST", extension+"register", `{`, "Lambda-Extension-Name", "x")
	say("an event for an unknown extension", "GET", extension+"event/next", "", "Lambda-Extension-Identifier", "x")
	say("an unknown path", "GET", "/2018-06-01/nonsense", "")
	say("a response before any invocation", "POST", runtime+"invocation/x/response", `{}`)
	for {
		id := say("next", "GET", runtime+"invocation/next", "").Header.Get("Lambda-Runtime-Aws-Request-Id")
		say("next before the response", "GET", runtime+"invocation/next", "")
		say("a response for another invocation", "POST", runtime+"invocation/x/response", `{}`)
		say("an init error too late", "POST", runtime+"init/error", `{}`)
		say("register too late", "POST", extension+"register", `{}`, "Lambda-Extension-Name", "x")
		say("the response", "POST", runtime+"invocation/"+id+"/response", `"right"`)
		say("a second response", "POST", runtime+"invocation/"+id+"/response", `"wrong"`)
		say("an error after the response", "POST", runtime+"invocation/"+id+"/error", `{}`)
	}
}
