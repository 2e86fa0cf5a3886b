package sentiment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

const (
	// rarityStep is how many steps of rarity make 1.
	rarityStep = 16
	// magic begins a file of weights; its last sign is the version of the format.
	magic = "SCTONE1\n"
	// greatest bounds the numbers of a file, so that no score overflows. Trained ones are below 10.
	greatest = 1e6
)

// round brings every weight to what a file of weights can hold, a whole number of 127ths
// of the greatest: a Linear scores alike before it is written and after it is read.
func (m *Linear) round() {
	step := m.step()
	for i := range m.weights {
		for c := range classes {
			m.weights[i][c] = step * float32(math.Round(float64(m.weights[i][c]/step)))
		}
	}
}

// step is the greatest weight's 127th, or 1 when all are zero.
func (m *Linear) step() float32 {
	top := float32(0)
	for _, w := range m.weights {
		for _, x := range w {
			top = max(top, float32(math.Abs(float64(x))))
		}
	}
	if top == 0 {
		return 1
	}
	return top / math.MaxInt8
}

// AppendBinary appends the file of weights, all numbers little-endian:
//
//	8 bytes    magic, with the format's version
//	uint32     n, the number of n-grams
//	float32    the step: a weight of 1 in the table below
//	float32    rarity of an unknown n-gram
//	float32 2  familiarity of foreign and of homely texts
//	float32 3  bias for negative, neutral and positive
//	float32 9  weights of the three hints for the three classes
//	uint32 n   keys, ascending
//	uint8 n    rarities in sixteenths
//	int8 3n    weights in steps, three for each n-gram
func (m *Linear) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.weights)))
	step := m.step()
	b = appendFloats(b, step, m.unknown, m.foreign, m.homely)
	b = appendFloats(b, m.bias[:]...)
	for _, h := range m.hint {
		b = appendFloats(b, h[:]...)
	}
	for _, key := range m.table.keys {
		b = binary.LittleEndian.AppendUint32(b, key)
	}
	for _, rarity := range m.rarity {
		b = append(b, uint8(math.Round(float64(rarity*rarityStep))))
	}
	for _, w := range m.weights {
		for _, x := range w {
			b = append(b, uint8(int8(math.Round(float64(x/step)))))
		}
	}
	return b, nil
}

func appendFloats(b []byte, values ...float32) []byte {
	for _, x := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// ReadLinear reads what AppendBinary wrote. It refuses another version, a file that is too
// short or too long, keys out of order and numbers that are not finite or
// beyond a million.
func ReadLinear(file []byte) (*Linear, error) {
	const head = len(magic) + 4 + 4*(4+classes+hints*classes)
	if len(file) < head || string(file[:len(magic)]) != magic {
		return nil, errors.New("read weights: not a file of weights of this version")
	}
	n := int(binary.LittleEndian.Uint32(file[len(magic):]))
	if want := head + n*(4+1+classes); len(file) != want {
		return nil, fmt.Errorf("read weights: %d bytes, want %d for %d n-grams", len(file), want, n)
	}
	r := floats{rest: file[len(magic)+4 : head]}
	step := r.next()
	m := &Linear{unknown: r.next(), foreign: r.next(), homely: r.next(), rarity: make([]float32, n), weights: make([]perClass, n)}
	r.fill(m.bias[:])
	for k := range m.hint {
		r.fill(m.hint[k][:])
	}
	keys, rarities, weights := make([]uint32, n), file[head+4*n:], file[head+5*n:]
	for i := range n {
		keys[i] = binary.LittleEndian.Uint32(file[head+4*i:])
		if i > 0 && keys[i] <= keys[i-1] {
			return nil, fmt.Errorf("read weights: key %d is not greater than the one before", i+1)
		}
		m.rarity[i] = float32(rarities[i]) / rarityStep
		for c := range classes {
			m.weights[i][c] = step * float32(int8(weights[classes*i+c]))
		}
	}
	if r.bad || m.homely <= m.foreign {
		return nil, errors.New("read weights: a number is not finite, far too great, or limits of familiarity in the wrong order")
	}
	m.table = newKeyTable(keys)
	return m, nil
}

// floats reads numbers one after the other and notes those that are not finite.
type floats struct {
	rest []byte
	bad  bool
}

func (r *floats) next() float32 {
	x := math.Float32frombits(binary.LittleEndian.Uint32(r.rest))
	r.rest = r.rest[4:]
	r.bad = r.bad || !(math.Abs(float64(x)) <= greatest) // also when it is no number
	return x
}

func (r *floats) fill(values []float32) {
	for i := range values {
		values[i] = r.next()
	}
}
