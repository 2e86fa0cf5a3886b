package publish_test

import (
	"testing"

	"github.com/google/uuid"
)

// The businesses whose rows changed are noted with the change, until somebody has told them.
func TestPublishNotesWhoseRowsChanged(t *testing.T) {
	b := setup(t)
	one, other := forecast(20000, 20001, 5), forecast(20000, 20001, 5)
	other.BusinessID = uuid.NewString()
	want := func(what string, businesses ...string) {
		t.Helper()
		for _, id := range []string{one.BusinessID, other.BusinessID} {
			noted, wanted := 0, 0
			for _, w := range businesses {
				if w == id {
					wanted = 1
				}
			}
			const count = `select count(*) from serving.changes as c join serving.publications as p using (table_name, run_id, as_of) where business_id = $1 and table_name = $2`
			if err := b.publisher.Pool.QueryRow(t.Context(), count, id, b.table.Name).Scan(&noted); err != nil {
				t.Fatal(err)
			}
			if noted != wanted {
				t.Errorf("%s: business %s noted %d times, want %d", what, id, noted, wanted)
			}
		}
		if _, err := b.publisher.Pool.Exec(t.Context(), `delete from serving.changes`); err != nil {
			t.Fatal(err)
		}
	}
	b.land(one, other)
	b.publish()
	want("first publication", one.BusinessID, other.BusinessID)
	b.publish()
	want("nothing new")
	changed := other
	changed.Mean = 6
	b.land(one, changed)
	b.publish()
	want("one row updated", other.BusinessID)
	b.land(changed)
	b.publish()
	want("one row deleted", one.BusinessID)
	b.land(one, changed)
	b.publish()
	want("one row inserted", one.BusinessID)
}
