package anomaly

// profile is what a season adds at each of its places, learned online.
//
// With slot k of the season and r the deviation of a value from the level: s[k] += g r', g = max(1/(n[k]+1), seasonRate), where r' is r less s[k], cut
// off at some scales. That is exponential smoothing of a seasonal term (Winters 1960) whose first values count in full. A slot without
// values adds 0.
type profile struct {
	period int64 // seconds
	width  int64 // seconds of one slot
	value  []float64
	seen   []float32
}

const (
	seasonRate = 0.15
	mostSlots  = 400
)

// reset empties the profile for a season of period seconds of values that come every step seconds.
func (p *profile) reset(period, step int64) {
	p.period = period
	p.width = max(step, (period+mostSlots-1)/mostSlots)
	n := int((period + p.width - 1) / p.width)
	p.value = append(p.value[:0], make([]float64, n)...)
	p.seen = append(p.seen[:0], make([]float32, n)...)
}

// slot returns the place of an instant in the season.
func (p *profile) slot(at int64) int {
	m := at % p.period
	if m < 0 {
		m += p.period
	}
	return int(m / p.width)
}

// learn moves the slot by the error of what was expected in it.
func (p *profile) learn(slot int, err float64) {
	p.seen[slot]++
	p.value[slot] += max(1/float64(p.seen[slot]), seasonRate) * err
}
