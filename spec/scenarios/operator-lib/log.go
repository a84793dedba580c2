package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// entry is a line of the scene's journal, as the candidates in TypeScript write it.
type entry struct {
	Event     string  `json:"event"`
	Pod       string  `json:"pod"`
	UID       string  `json:"uid"`
	Container string  `json:"container"`
	Run       string  `json:"run"`
	AtMs      float64 `json:"atMs"`
	Time      int64   `json:"time"`
	Message   string  `json:"message,omitempty"`
}

var run = fmt.Sprintf("%s.%s.%d", os.Getenv("POD_NAME"), os.Getenv("CONTAINER"), time.Now().UnixNano())

// say writes before it returns, however the process ends next.
func say(event, message string) {
	line, err := json.Marshal(entry{
		Event:     event,
		Pod:       os.Getenv("POD_NAME"),
		UID:       os.Getenv("POD_UID"),
		Container: os.Getenv("CONTAINER"),
		Run:       run,
		AtMs:      monotonicMs(),
		Time:      time.Now().UnixMilli(),
		Message:   message,
	})
	must(err)
	if os.Getenv("JOURNAL") == "stdout" {
		fmt.Println(string(line))
		return
	}
	path := filepath.Join("/scene", run+".jsonl")
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	must(err)
	_, err = file.Write(append(line, '\n'))
	must(err)
	must(file.Close())
}

// monotonicMs is the machine's clock that all its processes share.
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
