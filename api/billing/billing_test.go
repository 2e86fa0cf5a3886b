package billing_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/billing"
)

func TestManualAgreesTwiceAlike(t *testing.T) {
	change := billing.Change{ID: uuid.New(), From: "free", To: "pro"}
	first, err := billing.Manual{}.Agree(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	again, err := billing.Manual{}.Agree(t.Context(), change)
	if err != nil || again != first {
		t.Errorf("again: got %q, %v; want %q", again, err, first)
	}
}

func ExampleManual() {
	fmt.Println(billing.Manual{}.Name())
	// Output: manual
}
