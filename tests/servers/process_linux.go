package servers

import "syscall"

// processAttributes puts the server in a process group of its own, and has it killed when the test process dies.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
