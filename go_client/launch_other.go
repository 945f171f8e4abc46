//go:build !unix

package trackd

import "os/exec"

func detach(*exec.Cmd) {}
