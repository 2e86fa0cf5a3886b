package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/signalcraft/signalcraft/api/store"
)

// userCommand administers accounts from the machine that the installation runs on.
type userCommand struct {
	Operator operatorCommand `cmd:"" help:"Let an account administer the installation."`
}

// operatorCommand names the first operator; operators name the others through the API.
type operatorCommand struct {
	Email  string `arg:"" help:"Address of the account."`
	Revoke bool   `help:"Take it back."`
}

// Help is shown by signalcraft user operator --help.
func (operatorCommand) Help() string {
	return `Operators see accounts, sessions, jobs and the audit log through /admin, and no numbers of
businesses. Signing in again makes it take effect everywhere.

Examples:

  signalcraft user operator ada@example.com
  signalcraft user operator ada@example.com --revoke`
}

// Run changes the account and says so.
func (c operatorCommand) Run(ctx context.Context, settings *Settings, std streams) (err error) {
	i, err := settings.openBeside(ctx, settings.quietLogger(std))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	err = i.data.SetOperator(ctx, c.Email, !c.Revoke, i.now())
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("there is no account with the address %s: register it first", c.Email)
	}
	if err != nil {
		return err
	}
	said := "%s administers the installation\n"
	if c.Revoke {
		said = "%s administers the installation no more\n"
	}
	_, err = io.WriteString(std.out, fmt.Sprintf(said, c.Email))
	return err
}
