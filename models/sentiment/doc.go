// Package sentiment scores the tone of news headlines from -1 (negative) to 1 (positive).
//
// It is a lexicon-and-rule model in the manner of VADER (Hutto and Gilbert, "VADER: A
// Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM
// 2014), with its own word list (lexicon.txt) and rules that business headlines need: a
// movement is judged by what moves, so that "losses narrow" is good and "debt soars" is
// bad. Only English is scored. A headline in any other language has no score, which is
// not the same as a score of zero.
package sentiment
