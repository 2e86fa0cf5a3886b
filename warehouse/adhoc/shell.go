package adhoc

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
)

const help = `Statements end with a semicolon. Besides SQL there are
  .tables            everything that can be queried
  .columns RELATION  its columns
  .format NAME       table, csv or json
  .help              this text
  .exit              leave; so does the end of input
`

// Shell reads statements from in until its end, .exit or ctx is done, and writes results
// to out. A statement ends with a line that ends in a semicolon. An error is written to
// errs and the shell goes on. With prompt, it says when it waits for input.
func (s *Session) Shell(ctx context.Context, in io.Reader, out, errs io.Writer, format Format, prompt bool) error {
	say := func(text string) {
		if prompt {
			fmt.Fprint(out, text)
		}
	}
	say("SignalCraft SQL over the lake. .help tells more.\n")
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	var pending strings.Builder
	for {
		if pending.Len() == 0 {
			say("> ")
		} else {
			say("  ")
		}
		if !lines.Scan() || ctx.Err() != nil {
			break
		}
		line := strings.TrimSpace(lines.Text())
		if pending.Len() == 0 && strings.HasPrefix(line, ".") {
			if line == ".exit" || line == ".quit" {
				return nil
			}
			s.command(ctx, line, &format, out, errs)
			continue
		}
		pending.WriteString(lines.Text() + "\n")
		if !strings.HasSuffix(line, ";") {
			if strings.TrimSpace(pending.String()) == "" {
				pending.Reset()
			}
			continue
		}
		s.answer(ctx, pending.String(), format, out, errs)
		pending.Reset()
	}
	if text := strings.TrimSpace(pending.String()); text != "" && lines.Err() == nil && ctx.Err() == nil {
		s.answer(ctx, text, format, out, errs)
	}
	say("\n")
	if err := ctx.Err(); err != nil {
		return err
	}
	return lines.Err()
}

func (s *Session) answer(ctx context.Context, statement string, format Format, out, errs io.Writer) {
	if err := s.Run(ctx, statement, format, out); err != nil {
		fmt.Fprintf(errs, "error: %v\n", err)
	}
}

// command runs a line that begins with a dot.
func (s *Session) command(ctx context.Context, line string, format *Format, out, errs io.Writer) {
	words := strings.Fields(line)
	switch {
	case words[0] == ".help":
		fmt.Fprint(out, help)
	case words[0] == ".tables":
		fmt.Fprintln(out, strings.Join(s.Relations(), "\n"))
	case words[0] == ".columns" && len(words) == 2:
		s.columns(ctx, words[1], out, errs)
	case words[0] == ".format" && len(words) == 2:
		chosen, err := ParseFormat(words[1])
		if err == nil && chosen == Parquet {
			err = fmt.Errorf("parquet goes to a file; use copy (...) to 'file.parquet' (format parquet)")
		}
		if err != nil {
			fmt.Fprintf(errs, "error: %v\n", err)
			return
		}
		*format = chosen
	default:
		fmt.Fprintf(errs, "error: unknown command %s\n%s", line, help)
	}
}

// columns lists a relation's columns; for models with unit and meaning.
func (s *Session) columns(ctx context.Context, relation string, out, errs io.Writer) {
	if m, ok := s.models[relation]; ok {
		fmt.Fprintln(out, m.Purpose)
		for _, c := range m.Columns {
			fmt.Fprintf(out, "  %s %s, %s: %s\n", c.Name, c.Type, c.Unit, c.Meaning)
		}
		return
	}
	d, ok := s.shapes[relation]
	if !ok {
		fmt.Fprintf(errs, "error: no relation %s\n", relation)
		return
	}
	for _, c := range d.Columns {
		fmt.Fprintf(out, "  %s %s\n", c.Name, c.Type)
	}
}
