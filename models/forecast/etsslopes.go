package forecast

// etsTurn is a number by each of the parameters alpha, beta, phi and gamma: how a state turns with them.
type etsTurn struct{ a, b, p, g float64 }

// slopes reads the free parameters p, and sets the sum of squared one-step errors and its slopes by them: the derivative of
// every state by every parameter, written d, runs along with the states (see ets):
//
//	de_t = -(dl_(t-1) + phi*db_(t-1) + b_(t-1)*dphi + ds_(t-m))
//	dl_t = dl_(t-1) + phi*db_(t-1) + b_(t-1)*dphi + alpha*de_t + e_t*dalpha
//	db_t = phi*db_(t-1) + b_(t-1)*dphi + beta*de_t + e_t*dbeta
//	ds_t = ds_(t-m) + gamma*de_t + e_t*dgamma
//
// First states do not depend on parameters. It is written out for each parameter because a loop over them takes three times
// as long.
func (e *ets) slopes(y []float64, p point, s *slopes) {
	e.read(p)
	alpha, beta, gamma, phi := e.alpha, e.beta, e.gamma, e.phi
	// What the free parameters do to alpha, and through it to beta and gamma; then to beta, phi and gamma themselves.
	byAlpha := etsTurn{a: betweenSlope(alphaMin, alphaMax, p[0])}
	byAlpha.b, byAlpha.g = beta/alpha*byAlpha.a, -gamma/(1-alpha)*byAlpha.a
	var byBeta, byPhi, byGamma float64
	trended, last := e.trend != flat, 1
	if trended {
		byBeta = alpha * betweenSlope(0, 1, p[1])
		if e.trend == damped {
			byPhi = betweenSlope(phiMin, phiMax, p[2])
		}
		last = 3
	}
	if e.seasonal {
		byGamma = (1 - alpha) * betweenSlope(0, 1, p[last])
	}
	state := e.state
	copy(state, e.season)
	e.turns = append(e.turns[:0], make([]etsTurn, len(state))...)
	turns := e.turns[:len(state)]
	level, slope, squares, j := e.level, e.slope, 0.0, 0
	var dl, ds, gradient, withAlpha, withGamma etsTurn // withAlpha and withGamma are rows of the curve
	var bb, bp, pp float64
	for _, v := range y {
		base := level + phi*slope
		err := v - base - state[j]
		turn := &turns[j]

		forward := dl.a + phi*ds.a
		da := -forward - turn.a
		dl.a = forward + alpha*da + err*byAlpha.a
		ds.a = phi*ds.a + beta*da + err*byAlpha.b
		turn.a += gamma*da + err*byAlpha.g
		gradient.a += da * err
		withAlpha.a += da * da
		if trended {
			forward = dl.b + phi*ds.b
			db := -forward - turn.b
			dl.b = forward + alpha*db
			ds.b = phi*ds.b + beta*db + err*byBeta
			turn.b += gamma * db
			forward = dl.p + phi*ds.p + slope*byPhi
			dp := -forward - turn.p
			dl.p = forward + alpha*dp
			ds.p = phi*ds.p + slope*byPhi + beta*dp
			turn.p += gamma * dp
			gradient.b += db * err
			gradient.p += dp * err
			withAlpha.b += da * db
			withAlpha.p += da * dp
			bb += db * db
			bp += db * dp
			pp += dp * dp
			if e.seasonal {
				forward = dl.g + phi*ds.g
				dg := -forward - turn.g
				withGamma.b += dg * db
				withGamma.p += dg * dp
			}
		}
		if e.seasonal {
			forward = dl.g + phi*ds.g
			dg := -forward - turn.g
			dl.g = forward + alpha*dg
			ds.g = phi*ds.g + beta*dg
			turn.g += gamma*dg + err*byGamma
			gradient.g += dg * err
			withGamma.a += dg * da
			withGamma.g += dg * dg
		}
		squares += err * err
		level, slope = base+alpha*err, phi*slope+beta*err
		state[j] += gamma * err
		if j++; j == len(state) {
			j = 0
		}
	}
	*s = slopes{squares: squares, gradient: point{gradient.a}, curve: [maxParameters]point{{withAlpha.a}}}
	if trended {
		s.gradient[1], s.gradient[2] = gradient.b, gradient.p
		s.curve[1], s.curve[2] = point{withAlpha.b, bb}, point{withAlpha.p, bp, pp}
	}
	if e.seasonal {
		s.gradient[last] = gradient.g
		s.curve[last] = point{withGamma.a}
		if trended {
			s.curve[last] = point{withGamma.a, withGamma.b, withGamma.p}
		}
		s.curve[last][last] = withGamma.g
	}
}
