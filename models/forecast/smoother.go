package forecast

import "math"

// smoother is exponential smoothing with a level and an additive season whose parameters are fixed,
//
//	e_t = y_t - l_(t-1) - s_(t-m),  l_t = l_(t-1) + alpha*e_t,  s_t = s_(t-m) + gamma*e_t,
//
// which makes it linear: what it leaves of a sum is the sum of what it leaves of each part. Regressing what it leaves of a
// series on what it leaves of known columns is generalised least squares for noise of that kind (Hyndman, Koehler, Ord and
// Snyder 2008, chapter 9). With fewer than three seasons it has none, only the level; of a constant series nothing is left.
type smoother struct {
	m            int
	alpha, gamma float64
	season       []float64
}

// parameters are what a smoother's errors follow from, beside what it follows.
type parameters struct {
	m            int
	alpha, gamma float64
}

// leaveColumn sets the column's oneStep to what is left of its first n places. Series of one business share their columns, and there are few
// parameters: what is left of a column is found once for each.
func (s *smoother) leaveColumn(c *column, n int) {
	p := parameters{s.m, s.alpha, s.gamma}
	left, found := c.left[p]
	if !found {
		left = make([]float64, n)
		s.leave(c.x[:n], nil, 0, nil, left, nil)
		if c.left == nil {
			c.left = map[parameters][]float64{}
		}
		c.left[p] = left
	}
	c.oneStep = left
}

// fit chooses alpha and gamma from a grid by the mean absolute error one step ahead.
func (s *smoother) fit(y []float64, m int) {
	s.m = 1
	if m > 1 && len(y) >= 3*m {
		s.m = m
	}
	least := math.Inf(1)
	var alpha, gamma float64
	for _, s.alpha = range [...]float64{0.02, 0.05, 0.1, 0.2, 0.4, 0.7} {
		for _, s.gamma = range [...]float64{0.01, 0.05, 0.15} {
			if sum := s.error(y); sum < least {
				least, alpha, gamma = sum, s.alpha, s.gamma
			}
			if s.m == 1 {
				break
			}
		}
	}
	s.alpha, s.gamma = alpha, gamma
}

// error returns the sum of the absolute errors one step ahead, as run has them.
func (s *smoother) error(x []float64) float64 {
	level, sum, alpha, gamma := s.begin(x), 0.0, s.alpha, s.gamma
	if s.m == 1 {
		gamma = 0
	}
	for len(x) > 0 {
		season := s.season[:min(s.m, len(x))]
		for j, v := range x[:len(season)] {
			e := v - level - season[j]
			sum += math.Abs(e)
			level += alpha * e
			season[j] += gamma * e
		}
		x = x[len(season):]
	}
	return sum
}

// begin sets the season to the mean by phase over the first eight seasons (or fewer), and returns their mean, the level.
func (s *smoother) begin(x []float64) (level float64) {
	m := s.m
	s.season = resize(s.season, m)
	cycles := max(1, min(len(x)/m, 8))
	if m == 1 {
		cycles = min(len(x), 10)
	}
	level = mean(x[:cycles*m])
	clear(s.season)
	if m > 1 {
		for t, v := range x[:cycles*m] {
			s.season[t%m] += (v - level) / float64(cycles)
		}
	}
	return level
}

// run lets the smoother follow x and calls visit with each value's error one step ahead and the level before it; the state is
// that before the value, too.
func (s *smoother) run(x []float64, visit func(t int, e, level float64)) {
	m, level := s.m, s.begin(x)
	j := 0
	for t, v := range x {
		e := v - level - s.season[j]
		visit(t, e, level)
		level += s.alpha * e
		if m > 1 {
			s.season[j] += s.gamma * e
		}
		if j++; j == m {
			j = 0
		}
	}
}

// leave sets one to what is left of x one step ahead, and many to what is left from each origin on up to horizon steps ahead,
// where target gives the value that is compared. Steps behind the end are 0.
func (s *smoother) leave(x []float64, origins []int, horizon int, target func(origin, place int) float64, one, many []float64) {
	k := 0
	s.run(x, func(t int, e, level float64) {
		one[t] = e
		if k == len(origins) || origins[k] != t {
			return
		}
		row := many[k*horizon : (k+1)*horizon]
		for h := range row {
			row[h] = 0
			if place := t + h; place < len(x) {
				row[h] = target(t, place) - level - s.season[place%s.m]
			}
		}
		k++
	})
}
