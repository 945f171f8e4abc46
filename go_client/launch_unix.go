//go:build unix

package trackd

import (
	"os/exec"
	"syscall"
)

// detach gives the command a session of its own, so that Ctrl-C of this terminal does not reach it.
func detach(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
}
