package main

import (
	"os"
	"path/filepath"
	"time"

	"leader-for-life/client-go/journal"
)

const lookEvery = 50 * time.Millisecond

// commands are what a test wants to happen to this very process.
var commands = map[string]func(){
	"exhaust": func() {
		hoard := [][]byte{}
		for {
			block := make([]byte, 1<<24)
			for i := range block {
				block[i] = 1
			}
			hoard = append(hoard, block)
		}
	},
	"fill": func() { journal.Must(os.WriteFile("/small/file", make([]byte, 1<<24), 0o644)) },
}

// obey runs the commands that the scene of a Pod has for it.
func obey() {
	if folder == "" {
		return
	}
	file := filepath.Join(folder, "commands", os.Getenv("POD_NAME")+"."+os.Getenv("CONTAINER"))
	for range time.Tick(lookEvery) {
		text, err := os.ReadFile(file)
		if command, found := commands[string(text)]; err == nil && found {
			// So that the next process of this container does not do so too.
			journal.Must(os.Remove(file))
			command()
		}
	}
}
