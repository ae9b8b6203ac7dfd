//go:build unix && !linux

package servers

import "syscall"

// processAttributes puts the server in a process group of its own. There is no parent-death signal here: a test
// process that is killed leaves its servers behind.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
