package workbench

import (
	"os"
	"testing"

	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }
