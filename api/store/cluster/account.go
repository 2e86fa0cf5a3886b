package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user that the server runs as.
type account struct {
	name     string
	uid, gid int
	other    bool // differs from this process's user
}

// serverUser returns this process's user or, for root, an unprivileged one.
func serverUser() (account, error) {
	if os.Geteuid() != 0 {
		return account{name: strconv.Itoa(os.Geteuid()), uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	// A uid without a passwd entry will not do: initdb looks its own name up.
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if errUID == nil && errGID == nil && uid != 0 {
			return account{name: name, uid: uid, gid: gid, other: true}, nil
		}
	}
	return account{}, errors.New("postgres does not run as root, and neither user postgres nor nobody exists: run as another user, or adduser --system postgres")
}

// command prepares a program that runs as the account, in its own session so that
// signals from a terminal reach only this process.
func (a account) command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if a.other {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return cmd
}

// own makes path belong to the account alone.
func (a account) own(path string) error {
	if a.other {
		if err := os.Lchown(path, a.uid, a.gid); err != nil {
			return fmt.Errorf("give folder to user %s: %w", a.name, err)
		}
	}
	if err := os.Chmod(path, 0o700); err != nil {
		return fmt.Errorf("close folder to others: %w", err)
	}
	return nil
}

// canReach reports whether the account can enter the parent of dir.
func (a account) canReach(ctx context.Context, dir string) bool {
	return !a.other || a.canEnter(ctx, filepath.Dir(dir))
}

// canEnter asks the system rather than reading modes, which tell nothing of access lists.
func (a account) canEnter(ctx context.Context, dir string) bool {
	return a.command(ctx, "/bin/sh", "-c", `cd "$1"`, "sh", dir).Run() == nil
}
