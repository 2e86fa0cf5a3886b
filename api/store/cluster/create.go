package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// hba lets every role in over the socket, and nobody in any other way.
const hba = "local all all trust\n"

// create makes the data directory when there is none. It is made under another name and
// renamed when complete, so that a creation that was cut off leaves nothing to start from.
func (c *Cluster) create(ctx context.Context) error {
	if _, err := os.Stat(c.place.data()); err == nil {
		return nil
	}
	part := c.place.data() + ".part"
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("remove unfinished data directory: %w", err)
	}
	args := []string{
		"--pgdata=" + part, "--username=" + superuser, "--auth=trust",
		"--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions",
	}
	if c.cfg.Ephemeral {
		args = append(args, "--no-sync")
	}
	out, err := c.place.as.command(ctx, c.bin.path("initdb"), args...).CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("create data directory with initdb as user %s: %w: %s", c.place.as.name, err, lastLines(out, 5)), os.RemoveAll(part))
	}
	if err := os.WriteFile(part+"/pg_hba.conf", []byte(hba), 0o600); err != nil {
		return fmt.Errorf("write pg_hba.conf: %w", err)
	}
	if err := os.Rename(part, c.place.data()); err != nil {
		return fmt.Errorf("move data directory into place: %w", err)
	}
	return nil
}
