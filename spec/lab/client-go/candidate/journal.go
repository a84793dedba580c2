package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"leader-for-life/client-go/journal"
)

// entry is a line of the journal, as candidate.ts writes it.
type entry struct {
	Event    string `json:"event"`
	Identity string `json:"identity"`
	// In a Pod only: the starter of any other process knows them.
	Pod       string  `json:"pod,omitempty"`
	UID       string  `json:"uid,omitempty"`
	Container string  `json:"container,omitempty"`
	Run       string  `json:"run,omitempty"`
	AtMs      float64 `json:"atMs"`
	Time      int64   `json:"time,omitempty"`
	Leader    string  `json:"leader,omitempty"`
	SentMs    float64 `json:"sentMs,omitempty"`
	// As it is stored.
	RenewTime *metav1.MicroTime `json:"renewTime,omitempty"`
}

// folder holds the journals of a scene's Pods; without it the journal is the standard output.
var (
	folder = os.Getenv("JOURNAL")
	run    = fmt.Sprintf("%s.%s.%d", os.Getenv("POD_NAME"), os.Getenv("CONTAINER"), time.Now().UnixNano())
	output = openOutput()
)

func openOutput() *os.File {
	if folder == "" {
		return os.Stdout
	}
	path := filepath.Join(folder, run+".jsonl")
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	journal.Must(err)
	return file
}

func say(said entry) { sayAt(journal.NowMs(), said) }

func sayAt(at float64, said entry) {
	said.Identity = *identity
	said.AtMs = at
	if folder != "" {
		said.Pod, said.UID = os.Getenv("POD_NAME"), os.Getenv("POD_UID")
		said.Container, said.Run = os.Getenv("CONTAINER"), run
	}
	journal.Write(output, said)
}
