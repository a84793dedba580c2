// A candidate as Go programs are: client-go's leaderelection, work that acts for as long as it
// believes that it leads, and a journal of what comes of it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
	"leader-for-life/client-go/journal"
)

const actEvery = 5 * time.Millisecond

var (
	kubeconfig      = flag.String("kubeconfig", "", "`path` of the kubeconfig")
	namespace       = flag.String("namespace", "", "where the Lease is")
	lease           = flag.String("lease", "", "the Lease's name")
	identity        = flag.String("identity", "", "who asks")
	anew            = flag.Bool("anew", false, "ask under another identity in each process")
	leaseDuration   = milliseconds("lease-duration-ms", 15_000)
	renewDeadline   = milliseconds("renew-deadline-ms", 10_000)
	retryPeriod     = milliseconds("retry-period-ms", 2_000)
	releaseOnCancel = flag.Bool("release-on-cancel", false, "release the Lease on SIGTERM")
	events          = flag.Bool("events", false, "record Kubernetes Events")
	labels          = keyValues("label", "`key=value` for the Lease; may be repeated")

	// Only here: the other program's wall clock is shifted from outside, and it sends JSON anyway.
	wallOffset  = milliseconds("wall-offset-ms", 0)
	contentType = flag.String("content-type", "", "of requests; client-go's default is protobuf")
)

func main() {
	// What client-go has to say of failures helps whoever reads of a failed test.
	klog.SetOutput(os.Stderr)
	flag.Parse()
	if *anew {
		// As controller-runtime does, with a UUID.
		*identity = fmt.Sprintf("%s_%d", *identity, time.Now().UnixNano())
	}
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)

	config := restConfig()
	recorder, flush := eventRecorder(config)
	work := &work{end: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: *namespace, Name: *lease},
		Client:     kubernetes.NewForConfigOrDie(config).CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: *identity, EventRecorder: recorder},
		Labels:     *labels,
	}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:            witnessed{lock},
		LeaseDuration:   *leaseDuration,
		RenewDeadline:   *renewDeadline,
		RetryPeriod:     *retryPeriod,
		ReleaseOnCancel: *releaseOnCancel,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) { work.run(ctx) },
			OnStoppedLeading: func() {},
			OnNewLeader:      func(leader string) { say(entry{Event: "new-leader", Leader: leader}) },
		},
	})
	journal.Must(err)
	work.isLeader = elector.IsLeader
	if *wallOffset != 0 {
		shiftClock(elector, *wallOffset)
	}
	go func() {
		<-terminate
		say(entry{Event: "sigterm"})
		work.stop()
		cancel()
	}()

	go obey()
	say(entry{Event: "start", Time: time.Now().Add(*wallOffset).UnixMilli()})
	elector.Run(ctx)
	work.stop()
	flush()
	say(entry{Event: "exit"})
}

func restConfig() *rest.Config {
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	journal.Must(err)
	config.ContentType = *contentType
	// As resourcelock.NewFromKubeconfig has it, which knows no labels.
	config.Timeout = max(time.Second, *renewDeadline/2)
	return rest.AddUserAgent(config, "leader-election")
}

// work acts for as long as it may. Whoever cancels the election's context has to stop it first:
// client-go releases the Lease at once.
type work struct {
	isLeader func() bool
	// Held while it acts.
	acting sync.Mutex
	once   sync.Once
	end    chan struct{}
}

func (w *work) run(ctx context.Context) {
	w.acting.Lock()
	defer w.acting.Unlock()
	tick := time.NewTicker(actEvery)
	defer tick.Stop()
	leading := false
	for {
		// Before it asks: whatever stalls it in between, it did not act later than it may have.
		at := journal.NowMs()
		may := ctx.Err() == nil && !w.isStopped() && w.isLeader()
		switch {
		case may && !leading:
			sayAt(at, entry{Event: "leading"})
		case may:
			sayAt(at, entry{Event: "heartbeat"})
		case leading:
			say(entry{Event: "lost"})
		}
		leading = may
		if ctx.Err() != nil || w.isStopped() {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		case <-w.end:
		}
	}
}

// stop returns when nothing acts any more, nor ever will.
func (w *work) stop() {
	w.once.Do(func() { close(w.end) })
	w.acting.Lock()
	defer w.acting.Unlock()
}

func (w *work) isStopped() bool {
	select {
	case <-w.end:
		return true
	default:
		return false
	}
}

// witnessed tells what the elector could prove that it leads with, and what it released.
type witnessed struct{ resourcelock.Interface }

func (w witnessed) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return witness(record, func() error { return w.Interface.Create(ctx, record) })
}

func (w witnessed) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return witness(record, func() error { return w.Interface.Update(ctx, record) })
}

func witness(record resourcelock.LeaderElectionRecord, write func() error) error {
	sent := journal.NowMs()
	if err := write(); err != nil {
		return err
	}
	if record.HolderIdentity == *identity {
		say(entry{Event: "renewed", SentMs: sent})
	} else {
		say(entry{Event: "released", RenewTime: &metav1.MicroTime{Time: record.RenewTime.Time}})
	}
	return nil
}
