package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/signalcraft/signalcraft/models/anomaly"
	"github.com/signalcraft/signalcraft/models/backtest"
)

// benchAnomalyCommand scores the detector on files of the Numenta Anomaly Benchmark.
type benchAnomalyCommand struct {
	Data      string  `required:"" type:"existingdir" placeholder:"DIR" help:"Folder with the benchmark's files, .csv or .csv.gz, in folders by category."`
	Windows   string  `required:"" type:"existingfile" placeholder:"FILE" help:"combined_windows.json."`
	Threshold float64 `default:"-1" placeholder:"T" help:"Score from which on a row is a detection; left out, the detector's own."`
}

// Help is shown by signalcraft bench anomaly --help.
func (benchAnomalyCommand) Help() string {
	return "Every file is streamed through the detector that judges KPIs, with its default settings, and scored as NAB v1.1 does: one " +
		"threshold for all files. The score at the threshold that is best for these very files, which is how the published figures are " +
		"made, is printed for comparison.\n\nExample: signalcraft bench anomaly --data nab/data --windows nab/labels/combined_windows.json"
}

// Run prints a table of the files, one of the categories, and the three scores.
func (c benchAnomalyCommand) Run(ctx context.Context, std streams) error {
	if c.Threshold < 0 {
		c.Threshold = anomaly.Threshold
	}
	files, err := c.read()
	if err != nil {
		return err
	}
	scores := make([][]float64, len(files))
	points, began := 0, time.Now()
	for k := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		scores[k] = backtest.DetectNAB(&files[k], c.Threshold)
		points += len(scores[k])
	}
	took := time.Since(began)
	if err := c.print(std.out, files, scores); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s points in %.2f s: %s a second on one core\n", thousands(int64(points)), took.Seconds(),
		thousands(int64(float64(points)/max(took.Seconds(), 1e-9))))
	return err
}

// read reads the files that the windows name and the folder holds. A file without an entry is an error: whether it has anomalies
// is unknown.
func (c benchAnomalyCommand) read() ([]backtest.NABFile, error) {
	w, err := os.Open(c.Windows)
	if err != nil {
		return nil, fmt.Errorf("read windows: %w", err)
	}
	defer w.Close()
	windows, err := backtest.ReadNABWindows(w)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Windows, err)
	}
	var files []backtest.NABFile
	err = filepath.WalkDir(c.Data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		plain := strings.TrimSuffix(path, ".gz")
		if entry.IsDir() || !strings.HasSuffix(plain, ".csv") {
			return nil
		}
		name, err := nabName(c.Data, plain, windows)
		if err != nil {
			return err
		}
		file, err := readNABFile(path, name)
		if err != nil {
			return err
		}
		if err := file.SetWindows(windows[name]); err != nil {
			return err
		}
		files = append(files, file)
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no file ends in .csv or .csv.gz")
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.Data, err)
	}
	return files, nil
}

// nabName returns the name under which the windows know a file: its path below the folder, or, when the folder is that of one
// category, its last two or last parts.
func nabName(dir, path string, windows map[string][][2]time.Time) (string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if below, err := filepath.Rel(dir, path); err == nil {
		if _, ok := windows[filepath.ToSlash(below)]; ok {
			return filepath.ToSlash(below), nil
		}
	}
	parts := strings.Split(filepath.ToSlash(full), "/")
	for from := max(0, len(parts)-2); from < len(parts); from++ {
		name := strings.Join(parts[from:], "/")
		if _, ok := windows[name]; ok {
			return name, nil
		}
	}
	return "", fmt.Errorf("the windows have no entry for %s", path)
}

func readNABFile(path, name string) (file backtest.NABFile, err error) {
	f, err := os.Open(path)
	if err != nil {
		return file, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return file, fmt.Errorf("unpack %s: %w", path, err)
		}
		r = z
	}
	return backtest.ReadNAB(r, name)
}

// print writes the tables.
func (c benchAnomalyCommand) print(out io.Writer, files []backtest.NABFile, scores [][]float64) error {
	profiles := backtest.NABProfiles()
	byFile, byCategory := newBenchTable("file", "rows", "windows", "found", "false", "raw score"), newBenchTable("category", "files", "windows", "found", "false", "standard")
	for from := 0; from < len(files); {
		category, _, _ := strings.Cut(files[from].Name, "/")
		to := from
		for ; to < len(files) && strings.HasPrefix(files[to].Name, category+"/"); to++ {
			s, err := backtest.ScoreNAB(files[to:to+1], scores[to:to+1], profiles[0], c.Threshold)
			if err != nil {
				return err
			}
			byFile.AppendRow(table.Row{files[to].Name, len(scores[to]), s.Windows, s.Found, s.False, fmt.Sprintf("%.2f", s.Raw)})
		}
		to = max(to, from+1)
		s, err := backtest.ScoreNAB(files[from:to], scores[from:to], profiles[0], c.Threshold)
		if err != nil {
			return err
		}
		byCategory.AppendRow(table.Row{category, to - from, s.Windows, s.Found, s.False, nabFigure(s)})
		from = to
	}
	all := newBenchTable("profile", "score", "threshold", "found", "false", "best score", "at threshold")
	for _, p := range profiles {
		s, err := backtest.ScoreNAB(files, scores, p, c.Threshold)
		if err != nil {
			return err
		}
		at, best, err := backtest.BestNAB(files, scores, p)
		if err != nil {
			return err
		}
		all.AppendRow(table.Row{p.Name, nabFigure(s), fmt.Sprintf("%.4f", c.Threshold), fmt.Sprintf("%d of %d", s.Found, s.Windows), s.False,
			nabFigure(best), fmt.Sprintf("%.4f", at)})
	}
	for _, t := range []table.Writer{byFile, byCategory, all} {
		if _, err := fmt.Fprintln(out, t.Render()); err != nil {
			return err
		}
	}
	return nil
}

// nabFigure writes a normalised score; files without a window have none.
func nabFigure(s backtest.NABScore) string {
	if s.Windows == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", s.Normalised)
}

func newBenchTable(columns ...any) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatLower
	t.AppendHeader(table.Row(columns))
	return t
}
