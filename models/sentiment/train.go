package sentiment

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

const (
	// seldomest is in how many training headlines an n-gram must stand to have a weight.
	seldomest = 3
	// penalty is the weight of half the squared weights against the summed log loss.
	penalty = 1.0
	// rounds is how many steps the descent takes. Further ones fit the training headlines
	// better and others no better.
	rounds = 80
)

// Train fits a Linear to headlines with their tones: -1 negative, 0 neutral, 1 positive.
// The same input gives the same Linear, bit for bit, and its order does not matter but for the
// rounding of sums. Headlines whose language is not English do harm and are the caller's care.
//
// It minimises the summed log loss plus half the squared weights (L2, without the bias) by
// gradient descent with Nesterov's acceleration (Nesterov 1983; Beck and Teboulle 2009), each
// parameter with a step of its own: with the softmax's curvature of at most 1/2 (Böhning 1992),
// the mean of |value| times the headline's sum of |values|, halved, bounds the loss from above
// along all parameters at once. It refuses columns of different length, tones other
// than those, and headlines of fewer than two tones.
func Train(titles []string, tones []int) (*Linear, error) {
	if len(titles) != len(tones) {
		return nil, fmt.Errorf("train: %d titles, %d tones", len(titles), len(tones))
	}
	if err := checkTones(tones); err != nil {
		return nil, err
	}
	words, err := builtin()
	if err != nil {
		return nil, err
	}
	all := make([]grams, len(titles))
	lexical := make([]float64, len(titles))
	for i, title := range titles {
		read := words.read(title)
		all[i], lexical[i] = gramsOf(&read), read.score()
	}
	m := untrained(all)
	m.foreign, m.homely = familiarities(all)
	vectors := make([]vector, len(titles))
	for i := range vectors {
		vectors[i] = m.vectorOf(all[i], lexical[i])
	}
	newDescent(m, vectors, tones).run()
	m.round()
	return m, nil
}

func checkTones(tones []int) error {
	seen := map[int]bool{}
	for i, tone := range tones {
		if tone < -1 || tone > 1 {
			return fmt.Errorf("train: tone %d of headline %d: want -1, 0 or 1", tone, i+1)
		}
		seen[tone] = true
	}
	if len(seen) < 2 {
		return errors.New("train: headlines of at least two tones are needed")
	}
	return nil
}

// untrained returns a Linear that knows the n-grams of the headlines but has no weights.
func untrained(all []grams) *Linear {
	counts := map[uint32]int{}
	for _, g := range all {
		for _, keys := range [][]uint32{g.words, g.pieces} {
			for _, key := range keys {
				counts[key]++
			}
		}
	}
	maps.DeleteFunc(counts, func(_ uint32, n int) bool { return n < seldomest })
	keys := slices.Sorted(maps.Keys(counts))
	m := &Linear{table: newKeyTable(keys), rarity: make([]float32, len(keys)), weights: make([]perClass, len(keys))}
	for i, key := range keys {
		m.rarity[i] = rarityOf(counts[key], len(all))
	}
	m.unknown = rarityOf(1, len(all))
	return m
}

// familiarities returns the limits of familiarity: what 1 % and 5 % of the headlines stay below
// when their words are looked up among those of the other four fifths.
func familiarities(all []grams) (foreign, homely float32) {
	const parts = 5
	found := make([]float32, 0, len(all))
	for part := range parts {
		var others []grams
		for i, g := range all {
			if i%parts != part {
				others = append(others, g)
			}
		}
		m := untrained(others)
		for i := part; i < len(all); i += parts {
			found = append(found, m.familiarity(all[i]))
		}
	}
	slices.Sort(found)
	foreign, homely = found[len(found)/100], found[len(found)/20]
	return foreign, max(homely, foreign+1e-3)
}

// rarityOf is 1 + ln((headlines+1)/(count+1)), in steps of 1/16.
func rarityOf(count, headlines int) float32 {
	rarity := 1 + math.Log(float64(headlines+1)/float64(count+1))
	return float32(min(math.Round(rarity*rarityStep), math.MaxUint8) / rarityStep)
}

// descent is the state of the training. Products are converted before they are added, which
// keeps compilers from fusing the two: machines with fused operations get the same weights.
type descent struct {
	m       *Linear
	vectors []vector
	tones   []int
	// parameters are the weights, hints and bias in one row; the others lie beside them.
	parameters, ahead, slope [][classes]float64
	steps                    []float64 // 1/curvature bound of each parameter
	shrink                   float64
}

func newDescent(m *Linear, vectors []vector, tones []int) *descent {
	size := len(m.weights) + hints + 1
	d := &descent{m: m, vectors: vectors, tones: tones, shrink: penalty / float64(len(vectors)),
		parameters: make([][classes]float64, size), ahead: make([][classes]float64, size), slope: make([][classes]float64, size)}
	d.steps = make([]float64, size)
	share := 1 / float64(len(vectors))
	for _, v := range vectors {
		total := 0.0
		d.each(v, func(_ int, value float64) { total += math.Abs(value) })
		d.each(v, func(i int, value float64) { d.steps[i] += float64(share * math.Abs(value) * total / 2) })
	}
	for i, curvature := range d.steps {
		d.steps[i] = 1 / (curvature + d.shrink)
	}
	return d
}

func (d *descent) run() {
	pace := 1.0
	for range rounds {
		d.gradient()
		next := (1 + math.Sqrt(1+4*pace*pace)) / 2
		momentum := (pace - 1) / next
		pace = next
		for i := range d.parameters {
			for c := range classes {
				moved := d.ahead[i][c] - float64(d.steps[i]*d.slope[i][c])
				d.ahead[i][c] = moved + float64(momentum*(moved-d.parameters[i][c]))
				d.parameters[i][c] = moved
			}
		}
	}
	for i := range d.m.weights {
		d.m.weights[i] = narrow(d.parameters[i])
	}
	for k := range hints {
		d.m.hint[k] = narrow(d.parameters[len(d.m.weights)+k])
	}
	d.m.bias = narrow(d.parameters[len(d.parameters)-1])
}

func narrow(wide [classes]float64) (n perClass) {
	for c, x := range wide {
		n[c] = float32(x)
	}
	return n
}

// gradient writes the mean loss's slope at ahead.
func (d *descent) gradient() {
	last := len(d.ahead) - 1
	for i := range d.slope {
		for c := range classes {
			d.slope[i][c] = d.shrink * d.ahead[i][c]
		}
	}
	d.slope[last] = [classes]float64{}
	share := 1 / float64(len(d.vectors))
	for n, v := range d.vectors {
		var logits perClass
		d.each(v, func(i int, value float64) {
			for c := range classes {
				logits[c] += float32(d.ahead[i][c] * value)
			}
		})
		miss := softmax(logits)
		miss[d.tones[n]+1]--
		d.each(v, func(i int, value float64) {
			for c := range classes {
				d.slope[i][c] += float64(miss[c] * value * share)
			}
		})
	}
}

// each calls visit with the place and value of every parameter that a headline has.
func (d *descent) each(v vector, visit func(i int, value float64)) {
	for k, i := range v.index {
		visit(int(i), float64(v.value[k]))
	}
	for k, value := range v.hint {
		visit(len(d.m.weights)+k, float64(value))
	}
	visit(len(d.ahead)-1, 1)
}
