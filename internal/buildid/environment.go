package buildid

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"strings"

	"github.com/stillwarm/stillwarm/internal/host"
)

// EnvironmentIdentity identifies the function's own configuration in Lambda: a digest of the variables that its owner
// set, names and values. With another database, or another table, a function computes something else, so results must
// not be shared. Variables of Lambda's, of AWS's and of this library's making are left out: they differ between
// containers, or say nothing about results. Outside of Lambda, where an environment is full of what belongs to the
// machine and its user, it returns "".
func EnvironmentIdentity() string {
	if !host.InLambda() {
		return ""
	}
	return environmentIdentity(os.Environ())
}

func environmentIdentity(environ []string) string {
	var own []string
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if !foreign(name, value) {
			own = append(own, variable)
		}
	}
	slices.Sort(own) // the order is the machine's
	h := sha256.New()
	for _, variable := range own {
		h.Write([]byte(variable))
		h.Write([]byte{0}) // which no variable can hold
	}
	return hex.EncodeToString(h.Sum(nil))
}

// foreign reports whether a variable is none of the function's own.
func foreign(name, value string) bool {
	// Where AWS's services are is AWS's by name, and the owner's to set: another one is another database.
	if strings.HasPrefix(name, "AWS_ENDPOINT_URL") {
		return false
	}
	for _, prefix := range []string{"AWS_", "LAMBDA_", "_LAMBDA_", "_X_AMZN_", "_AWS_", "STILLWARM_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	switch name {
	case "_HANDLER", "_", "PATH", "TMPDIR", "LD_LIBRARY_PATH", "HOME", "USER", "LOGNAME", "HOSTNAME", "PWD", "OLDPWD", "SHLVL", "TERM":
		return true
	case "TZ": // Lambda's, unless it was set to something else
		return value == ":UTC" || value == "UTC"
	case "LANG":
		return value == "en_US.UTF-8"
	}
	return false
}
