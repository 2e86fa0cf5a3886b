package forecast

// croston is the method of Croston (1972) with the correction of Syntetos and Boylan (2005): sizes z
// of the non-zero values and intervals p between them are each smoothed with alpha = 0.1
// (the value of both papers), and the forecast of every day is (1-alpha/2)*z/p. Between
// two non-zero values it does not change. A series of zeros gives 0.
type croston struct{}

const crostonAlpha = 0.1

func (c *croston) name() string { return "croston(sba)" }

func (c *croston) applies(y []float64) bool { return intermittent(y) }

func (c *croston) refit(y []float64) { c.fit(y) }

func (c *croston) fit([]float64) {}

func (c *croston) paths(y []float64, origins []int, horizon int, out []float64) {
	size, interval, since, seen, t := 0.0, 0.0, 1.0, false, 0
	for k, origin := range origins {
		for ; t < origin; t++ {
			if y[t] == 0 {
				since++
				continue
			}
			if !seen {
				size, interval, seen = y[t], since, true
			}
			size += crostonAlpha * (y[t] - size)
			interval += crostonAlpha * (since - interval)
			since = 1
		}
		forecast := 0.0
		if seen {
			forecast = (1 - crostonAlpha/2) * size / interval
		}
		fillRow(out[k*horizon:(k+1)*horizon], forecast)
	}
}

// tsb is the method of Teunter, Syntetos and Babai (2011): the chance of a non-zero value
// and its size are smoothed, the chance on every day, so that the forecast sinks when a
// series goes quiet. Both smoothing parameters are 0.1, and both start from the means of
// the fitted part.
type tsb struct{ chance, size float64 }

const tsbAlpha = 0.1

func (b *tsb) name() string { return "tsb" }

func (b *tsb) applies(y []float64) bool { return intermittent(y) }

func (b *tsb) refit(y []float64) { b.fit(y) }

func (b *tsb) fit(y []float64) {
	sum, count := 0.0, 0.0
	for _, v := range y {
		if v != 0 {
			sum += v
			count++
		}
	}
	b.chance, b.size = count/float64(len(y)), 0
	if count > 0 {
		b.size = sum / count
	}
}

func (b *tsb) paths(y []float64, origins []int, horizon int, out []float64) {
	chance, size, t := b.chance, b.size, 0
	for k, origin := range origins {
		for ; t < origin; t++ {
			if y[t] == 0 {
				chance -= tsbAlpha * chance
				continue
			}
			chance += tsbAlpha * (1 - chance)
			size += tsbAlpha * (y[t] - size)
		}
		fillRow(out[k*horizon:(k+1)*horizon], chance*size)
	}
}

// intermittent reports whether a series counts as one with many zeros: none negative,
// and more than 1.32 days per non-zero value (the limit of Syntetos, Boylan and Croston
// 2005).
func intermittent(y []float64) bool {
	positive := 0
	for _, v := range y {
		if v < 0 {
			return false
		}
		if v > 0 {
			positive++
		}
	}
	return positive > 0 && float64(len(y)) > 1.32*float64(positive)
}
