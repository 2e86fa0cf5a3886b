package sentiment

import "math"

// classes are the tones that a Linear tells apart: negative, neutral and positive.
const classes = 3

// hints are what the word list says of a headline, as features of a Linear.
const hints = 3

// perClass is a weight, a logit or a probability for each class.
type perClass [classes]float32

// Linear is a multinomial logistic regression over the n-grams of a headline and over what
// the word list says of it:
//
//	P(class | title) = softmax(bias + sum over features of value * weight)
//
// A feature's value is its rarity in the training headlines (inverse document frequency,
// Spärck Jones 1972) where the headline has it; the values of the words and pairs are brought
// to length 1, and so are those of the pieces of words. N-grams that were never seen in
// training have no weight but take their share of the length: the less of a headline is
// known, the more its word list score decides.
//
// A Linear does not change and may be used by many goroutines at once.
type Linear struct {
	table   keyTable
	rarity  []float32 // of each known feature
	unknown float32   // rarity of every other feature
	weights []perClass
	hint    [hints]perClass
	bias    perClass
	// foreign and homely are the familiarity up to which a text is of another kind than the
	// training headlines and from which on it is of theirs.
	foreign, homely float32
}

// vector is a headline's known features with their values, and what the word list says.
type vector struct {
	index []int32
	value []float32
	hint  [hints]float32
}

// vectorOf returns the vector of a headline.
func (m *Linear) vectorOf(g grams, lexical float64) vector {
	v := vector{index: make([]int32, 0, 64), value: make([]float32, 0, 64), hint: hintsOf(lexical)}
	v.add(m, g.words)
	v.add(m, g.pieces)
	return v
}

// familiarity is the share of known words and pairs among a headline's, weighted by rarity:
// 0 when none is known.
func (m *Linear) familiarity(g grams) float32 {
	known, all := float32(0), float32(0)
	for _, key := range g.words {
		if i, ok := m.table.find(key); ok {
			known += m.rarity[i]
			all += m.rarity[i]
		} else {
			all += m.unknown
		}
	}
	if all == 0 {
		return 0
	}
	return known / all
}

// trust is how far the weights count for a headline, from 0 to 1.
func (m *Linear) trust(g grams) float64 {
	return float64(min(max((m.familiarity(g)-m.foreign)/(m.homely-m.foreign), 0), 1))
}

// hintsOf returns the score of the word list, how strong it is, and whether there is any.
func hintsOf(lexical float64) [hints]float32 {
	h := [hints]float32{float32(lexical), float32(math.Abs(lexical)), 0}
	if lexical != 0 {
		h[2] = 1
	}
	return h
}

// add appends the features of one group, together of length 1 when all are known.
func (v *vector) add(m *Linear, keys []uint32) {
	from, square := len(v.value), float32(0)
	for _, key := range keys {
		rarity := m.unknown
		if i, ok := m.table.find(key); ok {
			rarity = m.rarity[i]
			v.index, v.value = append(v.index, i), append(v.value, rarity)
		}
		square += float32(rarity * rarity)
	}
	if square == 0 {
		return
	}
	scale := float32(1 / math.Sqrt(float64(square)))
	for i := from; i < len(v.value); i++ {
		v.value[i] *= scale
	}
}

// probabilities returns those of the three classes.
func (m *Linear) probabilities(v vector) [classes]float64 {
	logits := m.bias
	for k, i := range v.index {
		w, value := &m.weights[i], v.value[k]
		for c := range logits {
			logits[c] += float32(w[c] * value)
		}
	}
	for k, value := range v.hint {
		for c := range logits {
			logits[c] += float32(m.hint[k][c] * value)
		}
	}
	return softmax(logits)
}

func softmax(logits perClass) (p [classes]float64) {
	top := max(logits[0], logits[1], logits[2])
	sum := 0.0
	for c, x := range logits {
		p[c] = math.Exp(float64(x - top))
		sum += p[c]
	}
	for c := range p {
		p[c] /= sum
	}
	return p
}

// scoreOf turns probabilities of negative, neutral and positive into a score in [-1, 1]
// whose limits of ±0.05 part the classes where the likeliest changes. With d = P(positive) -
// P(negative), neutral is the likeliest where |d| < t = 3 P(neutral) - 1 (for P(neutral) up to
// 1/2; past that it always is). So |d| from 0 to t is mapped to 0 to 0.05 and |d| from t to 1
// to 0.05 to 1, both linearly. t is at least least, lest the score jumps where negative and
// positive are equally likely.
func scoreOf(p [classes]float64) float64 {
	const limit, least = 0.05, 0.05
	d := p[2] - p[0]
	t := min(max(3*p[1]-1, least), 1)
	if size := math.Abs(d); size < t {
		return limit * d / t * (1 - 1e-9)
	} else if t < 1 {
		return math.Copysign(limit+(1-limit)*min((size-t)/(1-t), 1), d)
	}
	return 0
}

// keyTable finds the place of a key among sorted ones: open addressing with linear probing.
type keyTable struct {
	slots []int32 // place + 1; 0 is empty
	keys  []uint32
	mask  uint32
}

// newKeyTable returns a table of distinct keys; it keeps the slice.
func newKeyTable(keys []uint32) keyTable {
	size := 16
	for size < 2*len(keys) {
		size *= 2
	}
	t := keyTable{slots: make([]int32, size), keys: keys, mask: uint32(size - 1)}
	for i, key := range keys {
		at := key & t.mask
		for t.slots[at] != 0 {
			at = (at + 1) & t.mask
		}
		t.slots[at] = int32(i + 1)
	}
	return t
}

func (t *keyTable) find(key uint32) (place int32, ok bool) {
	if len(t.keys) == 0 {
		return 0, false
	}
	for at := key & t.mask; t.slots[at] != 0; at = (at + 1) & t.mask {
		if i := t.slots[at] - 1; t.keys[i] == key {
			return i, true
		}
	}
	return 0, false
}
