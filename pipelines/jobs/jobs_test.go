package jobs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/jobs"
)

func TestValidate(t *testing.T) {
	check := func(want string, change func(*jobs.Job)) {
		t.Helper()
		changed := job("a", nothing)
		change(&changed)
		err := jobs.Validate([]jobs.Job{changed, job("b", nothing)})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	check("", func(*jobs.Job) {})
	check("", func(j *jobs.Job) { j.Schedule, j.CatchUp, j.Then = "0 0 29 2 *", jobs.None, []string{"b"} })
	check(`job "": the name is empty`, func(j *jobs.Job) { j.Name = "" })
	check(`job "b": the name is empty or stands twice`, func(j *jobs.Job) { j.Name = "b" })
	check("job a: timeout, attempts and run", func(j *jobs.Job) { j.Timeout = 0 })
	check("job a: timeout, attempts and run", func(j *jobs.Job) { j.Attempts = 0 })
	check("job a: timeout, attempts and run", func(j *jobs.Job) { j.Run = nil })
	check(`job a: schedule "61 * * * *"`, func(j *jobs.Job) { j.Schedule = "61 * * * *" })
	check(`job a: schedule "0 0 0 1 1 *"`, func(j *jobs.Job) { j.Schedule = "0 0 0 1 1 *" })
	check(`job a: schedule "@hourly"`, func(j *jobs.Job) { j.Schedule = "@hourly" })
	check(`job a: schedule "0 0 30 2 *" never comes due`, func(j *jobs.Job) { j.Schedule = "0 0 30 2 *" })
	check(`job a: catch-up policy "all"`, func(j *jobs.Job) { j.CatchUp = "all" })
	check(`job a: its successor "c" does not exist`, func(j *jobs.Job) { j.Then = []string{"c"} })
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	w := setup(t)
	good := jobs.Config{Pool: w.pool, Jobs: []jobs.Job{job("a", nothing)}, Logger: w.logger, Now: time.Now}
	check := func(want string, change func(*jobs.Config)) {
		t.Helper()
		config := good
		change(&config)
		if _, err := jobs.New(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	check("pool, logger and now", func(c *jobs.Config) { c.Pool = nil })
	check("pool, logger and now", func(c *jobs.Config) { c.Logger = nil })
	check("pool, logger and now", func(c *jobs.Config) { c.Now = nil })
	check("workers -1", func(c *jobs.Config) { c.Workers = -1 })
	check("pool of 12 connections for 9 workers: want at least 13", func(c *jobs.Config) { c.Workers = 9 })
	check("stands twice", func(c *jobs.Config) { c.Jobs = append(c.Jobs, c.Jobs[0]) })
}

func TestQueueUnknownJob(t *testing.T) {
	w := setup(t)
	if err := w.runner(t, jobs.Config{}).Queue(t.Context(), "a", due); err == nil || !strings.Contains(err.Error(), `"a": no such job`) {
		t.Errorf("got %v, want no such job", err)
	}
}

func ExampleValidate() {
	err := jobs.Validate([]jobs.Job{{Name: "load", Schedule: "15 25 * * *", Timeout: time.Minute, Attempts: 3, Then: []string{"publish"}, Run: nothing}})
	fmt.Println(err)
	// Output:
	// job load: schedule "15 25 * * *": end of range (25) above maximum (23): 25
	// job load: its successor "publish" does not exist
}
