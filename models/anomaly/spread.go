package anomaly

// spread is how much the errors of a series differ in size from slot to slot of its season: on quiet nights a small error says more
// than on busy days.
//
// With ratios q = |error|/ordinary, each cut off, the factor of a slot is (spreadPrior + sum of q)/(spreadPrior + n): the mean
// ratio, drawn towards 1 as if spreadPrior values of ordinary size had been seen (a Gamma prior's posterior mean). From slowSpread
// values on older ones are forgotten.
type spread struct {
	sum, n []float32
}

const (
	spreadPrior = 10
	slowSpread  = 60
)

func (s *spread) reset(slots int) {
	s.sum = append(s.sum[:0], make([]float32, slots)...)
	s.n = append(s.n[:0], make([]float32, slots)...)
}

// factor returns how large errors of a slot are, in ordinary ones.
func (s *spread) factor(slot int) float64 {
	return float64((spreadPrior + s.sum[slot]) / (spreadPrior + s.n[slot]))
}

// learn shows the ratio of an error of a slot.
func (s *spread) learn(slot int, ratio float64) {
	if s.n[slot] >= slowSpread {
		s.n[slot] *= 1 - 1./slowSpread
		s.sum[slot] *= 1 - 1./slowSpread
	}
	s.n[slot]++
	s.sum[slot] += float32(min(ratio, cutScore))
}
