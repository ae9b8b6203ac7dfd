// Command awschain writes what package awschain finds, as JSON. A local runner that does not link that package builds and
// asks it where a function needs credentials that are not in the environment.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/stillwarm/stillwarm/localdev/awschain"
)

func main() {
	found, err := awschain.Ask(context.Background())
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(found)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
