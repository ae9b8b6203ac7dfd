package process

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
)

// keeperScript reads process groups from its standard input while the runner lives. The end of the input means that the
// runner is gone, however it went; what is still listed then is ended, and the runner's folder removed.
const keeperScript = `groups=" "
while read -r verb group; do
	case "$verb" in
	add) groups="$groups$group " ;;
	del) case "$groups" in *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;; esac ;;
	esac
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
[ -n "$1" ] && rm -rf -- "$1"
exit 0`

// Keeper ends process groups when the runner dies without being able to do so itself (SIGKILL, a crash). It is a shell
// in a session of its own that waits for the end of a pipe, so it works for children of children, which a parent death
// signal does not reach. It is safe for concurrent use, and nil is a keeper that does nothing.
type Keeper struct {
	mu    sync.Mutex
	stdin io.WriteCloser
	cmd   *exec.Cmd
}

// NewKeeper starts a keeper that also removes folder, which may be "". Where there is no POSIX shell it returns nil:
// the runner then relies on its own clean end.
func NewKeeper(folder string) *Keeper {
	shell, err := exec.LookPath("sh")
	if err != nil || !hasGroups {
		return nil
	}
	cmd := exec.Command(shell, "-c", keeperScript, "stillwarm-keeper", folder)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.Dir = os.TempDir()
	cmd.SysProcAttr = ownSession() // a Ctrl-C in the terminal must not reach it
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil
	}
	if err := cmd.Start(); err != nil {
		return nil
	}
	return &Keeper{stdin: stdin, cmd: cmd}
}

func (k *Keeper) add(group int)    { k.tell("add", group) }
func (k *Keeper) remove(group int) { k.tell("del", group) }

func (k *Keeper) tell(verb string, group int) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// A keeper that was killed by hand cannot be told anything; the processes are still ended by Close.
	_, _ = fmt.Fprintf(k.stdin, "%s %d\n", verb, group)
}

// Close ends the keeper, which ends what is still listed and removes the folder, and waits for it.
func (k *Keeper) Close() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	_ = k.stdin.Close()
	_ = k.cmd.Wait()
}
