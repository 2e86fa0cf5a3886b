package lakehouse

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

const (
	// propertyStandIn names the snapshot that stands in for others, and these: "5=4,3". A snapshot stands in for the one
	// before it when it only took rows out for good, or said the same in another way.
	propertyStandIn = "signalcraft.stands-in"
	// maxStandIn bounds for how many.
	maxStandIn = 50
)

// standIn adds to tx that the snapshot it makes stands in for parent, and for whatever parent stood in for: to whom knew these
// nothing has changed that is still there. Otherwise an erasure, whose older snapshots expire at once, would
// have everything computed and published anew.
func standIn(tx *table.Transaction, parent *table.Snapshot, properties iceberg.Properties) error {
	staged, err := tx.StagedTable()
	if err != nil {
		return err
	}
	now := staged.CurrentSnapshot()
	if parent == nil || now == nil || now.SnapshotID == parent.SnapshotID {
		return nil
	}
	before := []string{strconv.FormatInt(parent.SnapshotID, 10)}
	if id, others := standingIn(properties); id == parent.SnapshotID {
		before = append(before, others...)
	}
	before = before[:min(len(before), maxStandIn)]
	return tx.SetProperties(iceberg.Properties{propertyStandIn: fmt.Sprintf("%d=%s", now.SnapshotID, strings.Join(before, ","))})
}

// standingIn returns the snapshot that stands in for others, and these; 0 when there is none.
func standingIn(properties iceberg.Properties) (id int64, others []string) {
	text, list, found := strings.Cut(properties[propertyStandIn], "=")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !found {
		return 0, nil
	}
	return id, strings.Split(list, ",")
}

// present returns the snapshot that stands in for since, or since itself.
func present(metadata table.Metadata, since int64) int64 {
	if id, others := standingIn(metadata.Properties()); slices.Contains(others, strconv.FormatInt(since, 10)) {
		return id
	}
	return since
}
