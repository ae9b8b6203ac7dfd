package buildcmd

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/codeid"
	linked "github.com/stillwarm/stillwarm/internal/codeid"
)

// A build into a place where nothing is yet links in any case, so the go command may compile while the identities are
// computed: only the linker needs them. The go command runs its tools through this program then (-toolexec), which hands
// them on as they are but for the linker, which waits for the table and gets it as one more flag.
//
// The go command's own caches are not deceived: what it keeps of a compiled package does not depend on -toolexec, and it
// keeps no linked programs. Where a program is there already, it might be taken for the one that is asked for.

// LinkTool is the first argument of this program where the go command runs its tools through it.
const LinkTool = "go-tool"

// linksAnew reports whether go build certainly links, and through this program.
func (a *Arguments) linksAnew() bool {
	if a.Self == "" || a.fallback != "" || a.Output == "" || a.Output == os.DevNull || strings.HasSuffix(a.Output, "/") ||
		strings.HasSuffix(a.Output, string(filepath.Separator)) {
		return false
	}
	_, err := os.Lstat(a.inDir(a.Output))
	return os.IsNotExist(err)
}

// buildBeside is Build where the go command compiles while analyze computes the identities. It returns false where the
// program has to be linked step by step: its sources may not be the ones that were analysed, or it could not begin.
func (a *Arguments) buildBeside(ctx context.Context, stderr io.Writer, analyze func(context.Context) (*codeid.Analysis, error)) (result *Result, same bool, err error) {
	before := stateOf(a.goenv)
	if before == nil {
		return nil, false, nil
	}
	g, err := newGate()
	if err != nil {
		return nil, false, nil // it is built step by step then
	}
	defer g.close()
	toolexec, err := joinFlags([]string{a.Self, LinkTool, g.address})
	if err != nil {
		return nil, false, nil // a path with both kinds of quotes
	}
	built := make(chan error, 1)
	go func() { built <- a.goBuildWith(ctx, stderr, []string{"-toolexec=" + toolexec}, "", a.Output) }()
	analysis, failed := analyze(ctx)
	table := ""
	if failed == nil {
		table = a.table(analysis)
	}
	g.open(table)
	switch err := <-built; {
	case err != nil:
		return nil, true, err
	case failed != nil: // the go command says it better, or what is built is no program
		return &Result{Output: a.Output}, true, nil
	case !before.holds(analysis.Sources):
		return nil, false, os.Remove(a.inDir(a.Output))
	}
	result = &Result{Output: a.Output, Record: analysis.Record}
	return result, true, a.record(analysis, table, result)
}

// A gate is where the linker waits for the table.
type gate struct {
	listener net.Listener
	dir      string
	address  string
	table    string
	known    chan struct{} // closed once the table is
	ended    chan struct{} // closed with the build
}

func newGate() (*gate, error) {
	dir, err := os.MkdirTemp("", "stillwarm-build-")
	if err != nil {
		return nil, err
	}
	g := &gate{dir: dir, address: filepath.Join(dir, "link"), known: make(chan struct{}), ended: make(chan struct{})}
	if g.listener, err = net.Listen("unix", g.address); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	go g.serve()
	return g, nil
}

// serve gives everybody who comes the table, once it is known.
func (g *gate) serve() {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			select {
			case <-g.known:
				_, _ = io.WriteString(c, tableFollows+g.table)
			case <-g.ended:
			}
		}()
	}
}

// tableFollows comes before the table, so that an end is told from an empty table.
const tableFollows = "table:"

func (g *gate) open(table string) {
	g.table = table
	close(g.known)
}

func (g *gate) close() {
	close(g.ended)
	_ = g.listener.Close()
	_ = os.RemoveAll(g.dir)
}

// RunTool runs a tool for the go command: args are the gate's address, the tool and its arguments. It returns the exit
// status.
func RunTool(args []string) int {
	if len(args) < 2 {
		_, _ = fmt.Fprintln(os.Stderr, "stillwarm: "+LinkTool+" is for the go command")
		return 2
	}
	address, tool, args := args[0], args[1], args[2:]
	name := strings.TrimSuffix(filepath.Base(tool), ".exe")
	if name == "link" && len(args) > 0 && !strings.HasPrefix(args[0], "-V") {
		table, err := waitForTable(address)
		if err != nil {
			_, _ = fmt.Fprintln(os.Stderr, "stillwarm:", err)
			return 1
		}
		if table != "" {
			args = append([]string{"-X", linked.Variable + "=" + table}, args...)
		}
	}
	cmd := exec.Command(tool, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		_, _ = fmt.Fprintln(os.Stderr, "stillwarm:", err)
		return 1
	}
	return max(cmd.ProcessState.ExitCode(), 0)
}

func waitForTable(address string) (string, error) {
	c, err := net.Dial("unix", address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	data, err := io.ReadAll(c)
	table, ok := strings.CutPrefix(string(data), tableFollows)
	if err == nil && !ok {
		err = fmt.Errorf("the build ended before its identities were known")
	}
	return table, err
}
