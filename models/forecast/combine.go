package forecast

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

const (
	// shortSeasons is the number of seasons (of at least four values; values where there is no season) below which a series
	// is short: its window is too small to tell good methods from lucky ones.
	shortSeasons = 30
	// combined is the most methods in a combination, and combinedLoss how much worse than the best a member may be. A
	// member's weight falls with the weightPower-th power of its loss. All were chosen by rolling origin inside the
	// training parts of the public sets, where every neighbour of these values does about as well.
	combined     = 6
	combinedLoss = 1.5
	weightPower  = 4
	// trimFrom is how many members a trimmed mean has at least, to leave its lowest and highest out.
	trimFrom = 5
)

// combination is a way to make one forecast of several methods', known by its name:
//
//	theta                          the one method
//	60 % theta + 40 % ar           their weighted mean
//	trimmed mean of theta + drift  the mean, from five members on without the lowest and the highest
type combination struct {
	members []int     // numbers of models
	weights []float64 // sum to 1; nil for the trimmed mean
}

const (
	memberJoin  = " + "
	shareMark   = " % "
	trimmedMark = "trimmed mean of "
)

// weigh returns the combination of the ranked methods, best first, by their losses L (Bates and Granger 1969, with a power of
// the loss and without correlations):
//
//	w_k = L_k^-4 / sum_j L_j^-4 over the up to six methods with L_k <= 1.5*L_1
//
// Methods without any loss share alike. Shares are whole percents, so that the name says all; the best method takes what
// rounding leaves.
func weigh(ranked []int, loss []float64) combination {
	size := 1
	for size < min(len(ranked), combined) && loss[ranked[size]] <= combinedLoss*loss[ranked[0]] {
		size++
	}
	c := combination{members: slices.Clone(ranked[:size]), weights: make([]float64, size)}
	total := 0.0
	for k, m := range c.members {
		c.weights[k] = 1
		if loss[m] > 0 {
			c.weights[k] = math.Pow(loss[ranked[0]]/loss[m], weightPower)
		}
		total += c.weights[k]
	}
	rest := 100.0
	for k := size - 1; k >= 0; k-- {
		share := rest
		if k > 0 {
			share = math.Round(100 * c.weights[k] / total)
		}
		rest -= share
		c.weights[k] = share / 100
	}
	return c
}

// trim returns the trimmed mean of the best robust methods (Jose and Winkler 2008); false when there is none.
func trim(ranked []int, models []model) (combination, bool) {
	var c combination
	for _, m := range ranked {
		if len(c.members) < combined && robust(models[m]) {
			c.members = append(c.members, m)
		}
	}
	return c, len(c.members) > 0
}

// name returns the name by which parse finds the combination again.
func (c combination) name(models []model) string {
	names := make([]string, len(c.members))
	for k, m := range c.members {
		names[k] = models[m].name()
		if c.weights != nil && len(c.members) > 1 {
			names[k] = fmt.Sprintf("%.0f%s%s", 100*c.weights[k], shareMark, names[k])
		}
	}
	name := strings.Join(names, memberJoin)
	if c.weights == nil {
		return trimmedMark + name
	}
	return name
}

// parse returns the combination of a name; false when it is no name, or of methods that are not among models.
func parse(name string, models []model) (combination, bool) {
	list, trimmed := strings.CutPrefix(name, trimmedMark)
	var c combination
	for _, text := range strings.Split(list, memberJoin) {
		share := 100
		if before, after, shared := strings.Cut(text, shareMark); shared {
			var err error
			if share, err = strconv.Atoi(before); err != nil || trimmed {
				return c, false
			}
			text = after
		}
		m := slices.IndexFunc(models, func(m model) bool { return m.name() == text })
		if m < 0 {
			return c, false
		}
		c.members = append(c.members, m)
		if !trimmed {
			c.weights = append(c.weights, float64(share)/100)
		}
	}
	return c, true
}

// blend sets out to the combination of the members' values, paths[k] being those of member k. Scratch has a value for
// each member.
func (c combination) blend(out []float64, paths [][]float64, scratch []float64) {
	if c.weights == nil {
		for i := range out {
			for k := range c.members {
				scratch[k] = paths[k][i]
			}
			out[i] = trimmedMean(scratch)
		}
		return
	}
	clear(out)
	for k, w := range c.weights {
		for i, v := range paths[k][:len(out)] {
			out[i] += w * v
		}
	}
}

// trimmedMean returns the mean of v, from five values on without the lowest and the highest. It reorders v.
func trimmedMean(v []float64) float64 {
	if len(v) < trimFrom {
		return mean(v)
	}
	slices.Sort(v)
	return mean(v[1 : len(v)-1])
}
