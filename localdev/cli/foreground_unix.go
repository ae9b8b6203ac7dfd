//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// takeTerminal makes this process the terminal's foreground group of its own, and returns what gives the terminal back.
// Ctrl-C then reaches this process alone: make and go run, which wait for it, would otherwise end with an error however
// cleanly it ends.
func takeTerminal() (giveBack func()) {
	tty := int(os.Stdin.Fd())
	before, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	if err != nil || before != unix.Getpgrp() || before == os.Getpid() || !startedByGo() {
		return func() {} // no terminal, not in its foreground, or nobody waits in this group
	}
	// A group that is not in the foreground is stopped when it takes the terminal, unless it ignores that.
	signal.Ignore(syscall.SIGTTOU)
	if unix.Setpgid(0, 0) != nil || unix.IoctlSetPointerInt(tty, unix.TIOCSPGRP, os.Getpid()) != nil {
		return func() {}
	}
	return func() { _ = unix.IoctlSetPointerInt(tty, unix.TIOCSPGRP, before) }
}
