// Electors that do nothing but lead, so that what is measured is the election. The flags and the
// journal are those of electors.ts.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
	"leader-for-life/client-go/journal"
)

const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

var (
	kubeconfig = flag.String("kubeconfig", "", "`path` of the kubeconfig")
	namespace  = flag.String("namespace", "", "where the Leases are")
	lease      = flag.String("lease", "", "the Lease's name")
	identity   = flag.String("identity", "", "who asks")
	electors   = flag.Int("electors", 1, "how many there are; their identities are numbered")
	ownLeases  = flag.Bool("own-leases", false, "each has a Lease of its own, numbered, too")
)

func main() {
	klog.SetLogger(logr.Discard())
	flag.Parse()
	ctx, cancel := context.WithCancel(context.Background())
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	go func() {
		<-terminate
		say(entry{Event: "sigterm"})
		cancel()
	}()
	go func() {
		// The process that started it has ended.
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()

	client := newClient()
	say(entry{Event: "start"})
	var running sync.WaitGroup
	for number := range *electors {
		running.Go(func() { run(ctx, client, number) })
	}
	<-ctx.Done()
	running.Wait()
	say(entry{Event: "exit"})
}

func newClient() coordinationv1.CoordinationV1Interface {
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	journal.Must(err)
	// As resourcelock.NewFromKubeconfig has it.
	config.Timeout = max(time.Second, renewDeadline/2)
	// All share one client, whose default is to send five requests a second.
	config.QPS = -1
	return kubernetes.NewForConfigOrDie(config).CoordinationV1()
}

func run(ctx context.Context, client coordinationv1.CoordinationV1Interface, number int) {
	who := fmt.Sprintf("%s-%d", *identity, number)
	name := *lease
	if *ownLeases {
		name = fmt.Sprintf("%s-%d", *lease, number)
	}
	for ctx.Err() == nil {
		leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock: &resourcelock.LeaseLock{
				LeaseMeta:  metav1.ObjectMeta{Namespace: *namespace, Name: name},
				Client:     client,
				LockConfig: resourcelock.ResourceLockConfig{Identity: who},
			},
			LeaseDuration:   leaseDuration,
			RenewDeadline:   renewDeadline,
			RetryPeriod:     retryPeriod,
			ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(ctx context.Context) {
					say(entry{Event: "leading", Identity: who})
					<-ctx.Done()
					say(entry{Event: "stopped", Identity: who})
				},
				OnStoppedLeading: func() {},
				OnNewLeader: func(leader string) {
					say(entry{Event: "new-leader", Identity: who, Leader: leader})
				},
			},
		})
	}
}

// entry is a line of the journal.
type entry struct {
	Event    string  `json:"event"`
	AtMs     float64 `json:"atMs"`
	Identity string  `json:"identity,omitempty"`
	Leader   string  `json:"leader,omitempty"`
}

func say(said entry) {
	said.AtMs = journal.NowMs()
	journal.Write(os.Stdout, said)
}
