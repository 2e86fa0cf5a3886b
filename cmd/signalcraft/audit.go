package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/signalcraft/signalcraft/api/store"
)

// auditCommand holds what is done with the audit log.
type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Check the chain of hashes of the whole audit log."`
}

// auditVerifyCommand checks the audit log.
type auditVerifyCommand struct {
	Expect string `placeholder:"DIGEST" help:"Fail unless the log ends as it did when this digest was printed: for a log that should not have grown, such as a restored one."`
}

// Help is shown by signalcraft audit verify --help.
func (auditVerifyCommand) Help() string {
	return `Finds entries that were changed, removed, inserted or moved, also at the end of a chain. There is one
chain for each business and one for the installation. Entries whose address and user agent were erased
with a person are counted, and are no fault.

Who owns the database can forge a whole chain. Against that, keep the printed digest elsewhere.

Examples:

  signalcraft audit verify
  signalcraft audit verify --expect 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

Exit status: 0 the log is whole, 1 it is not.`
}

// mostFaults bounds the list of faults.
const mostFaults = 1000

// Run verifies and prints what it found.
func (c auditVerifyCommand) Run(ctx context.Context, settings *Settings, std streams) (err error) {
	i, err := settings.openBeside(ctx, settings.quietLogger(std))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	state, faults, err := i.data.VerifyAudit(ctx, mostFaults)
	if err != nil {
		return err
	}
	for _, f := range faults {
		if err := printFault(std, f); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(std.out, "%d entries in %d chains, %d with an erased origin\ndigest %s\n", state.Entries, state.Chains, state.Erased, state.Digest); err != nil {
		return err
	}
	if len(faults) > 0 {
		return fmt.Errorf("audit log: %d faults: keep a copy of the database, and compare with a backup from before", len(faults))
	}
	if c.Expect != "" && c.Expect != state.Digest {
		return fmt.Errorf("audit log: the digest is another one than expected")
	}
	return nil
}

func printFault(std streams, f store.AuditFault) error {
	entry := "gone"
	if f.ID != 0 {
		entry = fmt.Sprintf("id %d", f.ID)
	}
	_, err := fmt.Fprintf(std.out, "%s: chain %s, number %d (%s)\n", f.Fault, f.Chain, f.Seq, entry)
	return err
}
