package main

// methodNames says in help texts what the names of forecast methods mean.
const methodNames = `Names of methods:

  naive, seasonal naive(7)   the last value, the last season of 7 values
  average, drift             the mean, the line from the first value to the last
  ets(A,Ad,N)                exponential smoothing: error, trend, season, each of them
                             N none, A additive, Ad damped, M relative; ets is the form
                             of least AICc
  theta                      dynamic optimised theta; also standard theta, optimised theta
  ar, ari                    autoregression of values, of their changes
  harmonic(7)                waves of a season with autoregressive noise
  mstl(7,365)/theta          seasons taken out, the rest by the method behind the slash
  multiseason(24,168)        exponential smoothing with two seasons
  croston(sba), tsb, adida   for series with many zeros
  log ..., clipped ...       a method on logarithms, on values without odd days

Numbers in brackets are season lengths.`
