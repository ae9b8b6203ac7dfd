package main

import (
	"io"
	"net/http"
	"os"
	"strings"
)

// extension registers for INVOKE and SHUTDOWN events and writes each to a file, a line an event.
func extension(file string) {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension/"
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	register, _ := http.NewRequest(http.MethodPost, api+"register", strings.NewReader(`{"events":["INVOKE","SHUTDOWN"]}`))
	register.Header.Set("Lambda-Extension-Name", "probe")
	response, err := http.DefaultClient.Do(register)
	if err != nil {
		panic(err)
	}
	_ = response.Body.Close()
	id := response.Header.Get("Lambda-Extension-Identifier")
	go func() {
		for {
			next, _ := http.NewRequest(http.MethodGet, api+"event/next", nil)
			next.Header.Set("Lambda-Extension-Identifier", id)
			response, err := http.DefaultClient.Do(next)
			if err != nil {
				return
			}
			event, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			_, _ = f.Write(append(event, '\n'))
			if strings.Contains(string(event), "SHUTDOWN") {
				os.Exit(0)
			}
		}
	}()
}
