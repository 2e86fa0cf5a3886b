// Package sentiment scores the tone of news headlines from -1 (negative) to 1 (positive).
//
// Two models are joined. Word lists and rules in the manner of VADER (Hutto and Gilbert,
// "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM
// 2014) know words in general: rated.txt is VADER's own list, lexicon.txt adds what business
// headlines need, where a movement is judged by what moves, so that "losses narrow" is good
// and "debt soars" is bad. A linear model over n-grams (Linear) knows how headlines of finance
// are worded; it was trained on SEntFiN's (LICENSES.md), and the score of the word lists is one
// of its features. It counts as far as a text is of its kind: as far as it reads as a headline,
// which leaves out articles, pronouns and forms of to be, and as far as its words were seen in
// training. Prose on other subjects is scored by the word lists alone.
//
// Only English is scored. A headline in any other language has no score, which is not the
// same as a score of zero.
//
// Words: a gram is a word, a pair of neighbouring words or a piece of a word; rarity is how
// seldom a gram stands in the training headlines; familiarity is how much of a headline is
// known from them; a hint is what the word lists say of it.
package sentiment
