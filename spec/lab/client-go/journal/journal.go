// Package journal writes what a program does, one line of JSON for each event.
package journal

import (
	"encoding/json"
	"io"

	"golang.org/x/sys/unix"
)

// Write writes before it returns, however the process ends next.
func Write(journal io.Writer, entry any) {
	line, err := json.Marshal(entry)
	Must(err)
	_, err = journal.Write(append(line, '\n'))
	Must(err)
}

// NowMs is the machine's clock that all its processes share, whatever their wall clocks say.
func NowMs() float64 {
	var now unix.Timespec
	Must(unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	return float64(now.Nano()) / 1e6
}

// Must ends the program with a trace: there is nothing to go on with.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}
