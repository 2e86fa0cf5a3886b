package api

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// campaignSeed returns the seed of a random campaign: SIGNALCRAFT_SEED repeats one.
func campaignSeed(t *testing.T) uint64 {
	t.Helper()
	if text := os.Getenv("SIGNALCRAFT_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("SIGNALCRAFT_SEED: %v", err)
		}
		return seed
	}
	return rand.Uint64()
}
