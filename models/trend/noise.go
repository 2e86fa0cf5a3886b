package trend

import "math"

// noise returns the standard deviation that a sum of n values owes to noise, divided by the square root of n: the root of the
// long-run variance. For blocks of b values with means m_1, m_2, ...
//
//	sigma^2(b) = b/2 * (1.4826 * median |m_(j+1) - m_j - median of these|)^2
//
// is that variance for any noise that forgets within a block; for independent noise it is the same for every b. A few jumps
// and bends do not move the medians. Taken is the largest over blocks of about one, two and four weeks (of whole seasons), so
// that noise which remembers for days counts as much as it moves a mean, and at least that of first-order noise whose single
// differences and whose memory rho (see memory) are those of the series:
//
//	sigma^2 >= sigma^2(1)/(1-rho) * (1+rho)/(1-rho)
//
// It is raised by the share of eight of the shortest blocks in the series, since few blocks tell it badly. Noise that remembers
// longer still grows from the second length to the third; where it does so by more than independent noise would by accident, it
// is extrapolated by that growth to blocks of a quarter of the series. It is 0 for a series of which more than half does not move.
//
// Memory is that of the series at lag 1. Blocks end with the series. The idea is that of batch means (Conway 1963), made robust.
func noise(x []float64, season int, memory float64, scratch *[]float64) float64 {
	unit := season * max(1, (weekly+season-1)/season)
	var at [3]float64
	largest := 0.0
	for k := range at {
		block := unit << k
		if len(x)/block < leastBlocks {
			break
		}
		at[k] = blockVariance(x, block, scratch)
		largest = max(largest, at[k])
	}
	daily := blockVariance(x, 1, scratch)
	rho := min(memory, mostMemory)
	largest = max(largest, daily/(1-rho)*(1+rho)/(1-rho))
	largest *= 1 + fewBlocks*float64(unit)/float64(len(x))
	// Independent noise shows growth of up to steady by accident. Without a third length there is none.
	if growth := math.Log2(at[2]/at[1]) - steady; at[1] > 0 && growth > 0 {
		reach := math.Log2(float64(len(x)) / float64(4*unit) / 4)
		largest *= math.Exp2(min(growth, 2) * max(0, reach))
	}
	return math.Sqrt(largest)
}

const (
	weekly      = 7
	leastBlocks = 8
	steady      = 0.8
	fewBlocks   = 8
	mostMemory  = 0.99
)

func blockVariance(x []float64, block int, scratch *[]float64) float64 {
	count := len(x) / block
	x = x[len(x)-count*block:]
	steps := resize(scratch, count-1)
	before := 0.0
	for j := range count {
		sum := 0.0
		for _, v := range x[j*block : (j+1)*block] {
			sum += v
		}
		if j > 0 {
			steps[j-1] = (sum - before) / float64(block)
		}
		before = sum
	}
	middle := median(steps)
	for j := range steps {
		steps[j] = math.Abs(steps[j] - middle)
	}
	sigma := madToSigma * median(steps)
	return float64(block) / 2 * sigma * sigma
}
