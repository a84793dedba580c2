// A candidate as Go operators are: operator-lib's leader.Become, and a log of what comes of it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/operator-framework/operator-lib/leader"
)

const heartbeat = 50 * time.Millisecond

func main() {
	// The first process of a container gets no signal that it does not handle.
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)

	say("start", "")
	led := make(chan error, 1)
	go func() { led <- leader.Become(context.Background(), os.Getenv("LOCK")) }()
	var beat <-chan time.Time
	for {
		select {
		case err := <-led:
			if err != nil {
				say("error", err.Error())
				os.Exit(1)
			}
			say("leading", "")
			beat = time.Tick(heartbeat)
		case <-beat:
			say("heartbeat", "")
		case <-terminate:
			say("exit", "")
			os.Exit(0)
		}
	}
}
