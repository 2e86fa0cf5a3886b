package sentiment

import (
	"math"
	"strings"
)

const (
	// deniedWithin and movedWithin are how many words back a denial or a strengthening word
	// reaches and how many words lie between a movement and what moves.
	deniedWithin, movedWithin = 3, 4
	// spread is the constant of VADER's normalisation (Hutto and Gilbert 2014).
	spread = 15
	// shouting, exclaiming and asking add to the tone, as in VADER: a word in capitals, each of
	// the first four exclamation marks, each question mark from the second to the third and all
	// of more than three.
	shouting, exclaiming, mostExclaiming = 0.733, 0.292, 4
	asking, mostAsking, askingAtMost     = 0.18, 3, 0.96
)

// score adds up the tones of a headline's words and squeezes the sum x into [-1, 1] by
// x/sqrt(x^2+15).
func (r *reading) score() float64 {
	tones := make([]float64, len(r.tokens))
	for i, t := range r.tokens {
		tones[i] = r.tone(i)
		if tones[i] != 0 && t.loud {
			tones[i] += math.Copysign(shouting, tones[i])
		}
	}
	for i, t := range r.tokens {
		if t.kind == turn {
			turnAt(tones, i, t.weight)
		}
	}
	sum := 0.0
	for _, tone := range tones {
		sum += tone
	}
	if sum != 0 {
		sum += math.Copysign(emphasis(r.title), sum)
	}
	return sum / math.Sqrt(sum*sum+spread)
}

// turnAt weakens the tones before a turn and strengthens those after it.
func turnAt(tones []float64, at int, weight float64) {
	for k := range tones {
		if k < at {
			tones[k] *= weight
		} else {
			tones[k] *= 2 - weight
		}
	}
}

// emphasis is what exclamation and question marks add.
func emphasis(title string) float64 {
	extra := exclaiming * float64(min(strings.Count(title, "!"), mostExclaiming))
	switch asked := strings.Count(title, "?"); {
	case asked > mostAsking:
		extra += askingAtMost
	case asked > 1:
		extra += asking * float64(asked)
	}
	return extra
}

// tone is what one word adds: its weight, scaled by the words just before it, denied by a
// denial. A strengthening word counts less one and two words further back, as in VADER. In prose
// a compound is a word of its own, of which the parts say little ("anti-war", "risk-free"), so
// there they do not count; headlines save words by them ("loss-making").
func (r *reading) tone(i int) float64 {
	tone := r.own(i)
	if tone == 0 {
		return 0
	}
	if r.tokens[i].part {
		tone *= r.headline
	}
	fading := [deniedWithin]float64{1, 0.95, 0.9}
	for back := 1; back <= deniedWithin && back <= i; back++ {
		before := r.tokens[i-back]
		switch before.kind {
		case more:
			tone += math.Copysign(before.weight*fading[back-1], tone)
		case less:
			tone -= math.Copysign(before.weight*fading[back-1], tone)
		case not:
			tone *= before.weight
		}
	}
	return tone
}

// own is the tone of a word by itself. What rises or falls in a headline is a figure, so a
// movement has a tone, turned round when it moves a burden. In prose anything may rise, so
// there a movement counts as people rated the word, and between the two in proportion.
func (r *reading) own(i int) float64 {
	t := r.tokens[i]
	switch t.kind {
	case plain:
		return t.weight
	case up, down:
		tone := t.weight
		if r.near(i, burden) {
			tone = -tone
		}
		return r.headline*tone + (1-r.headline)*t.rated
	case burden:
		if r.headline > 0 && (r.near(i, up) || r.near(i, down)) {
			return (1 - r.headline) * t.weight
		}
		return t.weight
	case not:
		if i+1 < len(r.tokens) && r.tokens[i+1].kind != unknown {
			return 0
		}
		return t.rated // "no" that denies no tone
	}
	return 0
}

// near reports whether a word of the kind stands within movedWithin words of word i.
func (r *reading) near(i int, k kind) bool {
	for j := max(0, i-movedWithin); j < len(r.tokens) && j <= i+movedWithin; j++ {
		if r.tokens[j].kind == k {
			return true
		}
	}
	return false
}
