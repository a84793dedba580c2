package main

import (
	"encoding/json"
	"os"

	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// entry is a line of the journal, as candidate.ts writes it.
type entry struct {
	Event    string  `json:"event"`
	Identity string  `json:"identity"`
	AtMs     float64 `json:"atMs"`
	Time     int64   `json:"time,omitempty"`
	Leader   string  `json:"leader,omitempty"`
	SentMs   float64 `json:"sentMs,omitempty"`
	// As it is stored.
	RenewTime *metav1.MicroTime `json:"renewTime,omitempty"`
}

func say(said entry) { sayAt(monotonicMs(), said) }

// sayAt writes before it returns, however the process ends next.
func sayAt(at float64, said entry) {
	said.Identity = *identity
	said.AtMs = at
	line, err := json.Marshal(said)
	must(err)
	_, err = os.Stdout.Write(append(line, '\n'))
	must(err)
}

// monotonicMs is the machine's clock that all its processes share, whatever their wall clocks say.
func monotonicMs() float64 {
	var now unix.Timespec
	must(unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	return float64(now.Nano()) / 1e6
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
