package forecast

import "math"

// pooled is a run of days ahead with one variance.
type pooled struct {
	sum, count float64
	end        int
}

// settle turns weighted sums of squares and the weights into non-decreasing sigmas, of as many days ahead from the first as
// were measured. It pools adjacent violators (Barlow, Bartholomew, Bremner and Brunk 1972), a day without a measurement
// joining the one before it.
func (s *spread) settle() {
	blocks, measured := s.blocks[:0], 0
	for h := range s.sigma {
		if s.count[h] > 0 {
			measured = h + 1
		}
		next := pooled{s.sigma[h], s.count[h], h + 1}
		for len(blocks) > 0 {
			last := blocks[len(blocks)-1]
			if next.count > 0 && last.count > 0 && last.sum/last.count <= next.sum/next.count {
				break
			}
			next.sum, next.count = next.sum+last.sum, next.count+last.count
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, next)
	}
	s.blocks = blocks
	h := 0
	for _, b := range blocks {
		for ; h < b.end; h++ {
			s.sigma[h] = math.Sqrt(b.sum / b.count)
		}
	}
	s.sigma, s.count = s.sigma[:measured], s.count[:measured]
}

const (
	// priorWeight is how many errors a spread leans on what series are like: in its size, in its growth and shape by days ahead,
	// and in how many of its errors are large.
	priorWeight = 10
	// usualGrowth lies a little above a random walk's 1, below the 3 of a line whose slope wanders.
	usualGrowth = 1.25
)

// follow draws the variances of settle towards a law that few errors tell better,
//
//	sigma_h^2 = c * h^g, g >= 0
//
// with g by least squares of log sigma_h^2 on log h and c the mean of sigma_h^2/h^g, both with the errors without overlap
// count_h/h as weights. As if from priorWeight errors more each, g leans on usualGrowth and c on prior, unless that is NaN: for
// a short series, whose few errors overlap, a Bayesian's variance (a scaled inverse chi-square prior; Gelman et al. 2013, section
// 2.6). Each variance leans on the law with the same weight.
func (s *spread) follow(prior float64) {
	var sum, sumX, sumV, sumXX, sumXV float64
	for h, sigma := range s.sigma {
		if sigma > 0 {
			w, x, v := s.count[h]/float64(h+1), math.Log(float64(h+1)), 2*math.Log(sigma)
			sum, sumX, sumV, sumXX, sumXV = sum+w, sumX+w*x, sumV+w*v, sumXX+w*x*x, sumXV+w*x*v
		}
	}
	s.growth = usualGrowth
	if sum > 0 {
		s.growth = max(0, (sumXV-sumX*sumV/sum+priorWeight*usualGrowth)/(sumXX-sumX*sumX/sum+priorWeight))
	}
	first, weight := 0.0, 0.0
	if !math.IsNaN(prior) {
		first, weight = priorWeight*prior, priorWeight
	}
	for h, sigma := range s.sigma {
		w := s.count[h] / float64(h+1)
		first, weight = first+w*sigma*sigma/math.Pow(float64(h+1), s.growth), weight+w
	}
	first /= weight
	for h, sigma := range s.sigma {
		w := s.count[h] / float64(h+1)
		s.sigma[h] = math.Sqrt((w*sigma*sigma + priorWeight*first*math.Pow(float64(h+1), s.growth)) / (w + priorWeight))
		if h > 0 {
			s.sigma[h] = max(s.sigma[h], s.sigma[h-1])
		}
	}
}

// wander returns about what the variance of errors one day ahead is on most series, whatever their method: the variance of the
// differences of observed values one value apart or, when it is less, one season apart. Differences are brought to today's
// level as errors are. It is NaN for fewer than three.
func (s *spread) wander(y *history, width, season int) float64 {
	least := math.NaN()
	for _, lag := range [...]int{1, season} {
		level, sum, squares, count := 0.0, 0.0, 0.0, 0.0
		for t, v := range y.y {
			level += v
			if t >= width {
				level -= y.y[t-width]
			}
			if t < lag || !y.observed[t] || !y.observed[t-lag] {
				continue
			}
			d := v - y.y[t-lag]
			if s.quarters > 0 {
				d /= s.raise(max(leastLevel, level/float64(min(t+1, width))/s.last))
			}
			sum, squares, count = sum+d, squares+d*d, count+1
		}
		if count < 3 {
			continue
		}
		if v := max(0, (squares-sum*sum/count)/(count-1)); !(v >= least) {
			least = v
		}
		if season == 1 {
			break
		}
	}
	return least
}
