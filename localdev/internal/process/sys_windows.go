package process

import (
	"os/exec"
	"strconv"
	"syscall"
)

const hasGroups = false

func groupLeader() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func ownSession() *syscall.SysProcAttr { return nil }

// killGroup ends the process and its children. The system has no process groups in the POSIX sense, its own tool walks
// the tree.
func killGroup(pid int) {
	_ = exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(pid)).Run()
}

func stopGroup(int) bool { return false }

func continueGroup(int) {}
