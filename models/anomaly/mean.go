package anomaly

import "math"

// mean is a moving mean of values, m += (v-m)/length and of the first ones the plain mean, in which the value that moves it most
// counts no more than the one that comes next (a Winsorised mean: Tukey 1962). A drift is what several values make: what one of them
// does is seen on its own day, or one outlier would be a drift for as long as the mean remembers it.
type mean struct {
	length, n, all float64
	most, next     part
}

// part is by how much a value is not ordinary, and its weight in the mean.
type part struct{ off, weight float64 }

func (p part) size() float64 { return p.weight * math.Abs(p.off) }

func (m *mean) reset(length float64) { *m = mean{length: length} }

// add shows the next value, and by how much it is not ordinary.
func (m *mean) add(v, off float64) {
	m.n++
	rate := max(1/m.length, 1/m.n)
	m.all += rate * (v - m.all)
	m.most.weight *= 1 - rate
	m.next.weight *= 1 - rate
	switch p := (part{off, rate}); {
	case p.size() >= m.most.size():
		m.most, m.next = p, m.most
	case p.size() >= m.next.size():
		m.next = p
	}
}

// value returns the mean.
func (m *mean) value() float64 {
	return m.all - m.most.weight*math.Copysign(max(0, math.Abs(m.most.off)-math.Abs(m.next.off)), m.most.off)
}
