// Command train writes the weights of models/sentiment, weights.bin, from the headlines of
// SEntFiN. The same headlines give the same bytes.
//
//	go run ./models/sentiment/train -data ../shared/data/sentiment/sentfin/SEntFiN-subset.csv.gz
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/signalcraft/signalcraft/models/sentiment"
	"github.com/signalcraft/signalcraft/models/sentiment/headlines"
)

func main() {
	data := flag.String("data", "../shared/data/sentiment/sentfin/SEntFiN-subset.csv.gz", "CSV file of headlines with tones")
	out := flag.String("out", "models/sentiment/weights.bin", "file to write")
	flag.Parse()
	if err := write(*data, *out); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func write(data, out string) error {
	file, err := os.Open(data)
	if err != nil {
		return err
	}
	defer file.Close()
	set, err := headlines.ReadLabelled(file)
	if err != nil {
		return err
	}
	linear, err := sentiment.Train(set.Titles, set.Tones)
	if err != nil {
		return err
	}
	weights, err := linear.AppendBinary(nil)
	if err != nil {
		return err
	}
	return os.WriteFile(out, weights, 0o644)
}
