package process

import "syscall"

const hasGroups = true

func groupLeader() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

func stopGroup(pid int) bool { return syscall.Kill(-pid, syscall.SIGSTOP) == nil }

func continueGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGCONT) }
