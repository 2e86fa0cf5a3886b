// Package gdelt lands news articles: which articles did the world's press print that
// match a business's query, when were they seen, where and in which language?
//
// Source asks the DOC 2.0 API for the article list of every business's query over the
// run's window. The service answers at most 250 articles and has no pages, so a window
// that comes back full is halved until its parts fit.
//
// The other decoders read what else the service publishes, timelines and the 15-minute
// Event and GKG files, in the forms that it really sends.
//
// Vocabulary: an item is one entry of an answer, an article or a reject; a repair is a
// fault of the answer's JSON that was mended before reading; a batch file is one of
// GDELT's 15-minute files. Data: The GDELT Project, https://www.gdeltproject.org/.
package gdelt
