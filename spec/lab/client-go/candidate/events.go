package main

import (
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
)

// eventRecorder makes what Go programs give to a lock, and a function that waits until all that it
// was told of has been sent: client-go sends in the background.
func eventRecorder(config *rest.Config) (resourcelock.EventRecorder, func()) {
	if !*events {
		return nil, func() {}
	}
	sending := &sync.WaitGroup{}
	broadcaster := record.NewBroadcaster()
	client := kubernetes.NewForConfigOrDie(config).CoreV1()
	broadcaster.StartRecordingToSink(countedSink{
		EventSink: &typedcorev1.EventSinkImpl{Interface: client.Events("")},
		sending:   sending,
	})
	// Whatever a program likes: here what the other program calls itself.
	source := corev1.EventSource{Component: "leader-for-life"}
	recorder := broadcaster.NewRecorder(scheme.Scheme, source)
	return countedRecorder{recorder, sending}, sending.Wait
}

type countedRecorder struct {
	resourcelock.EventRecorder
	sending *sync.WaitGroup
}

func (r countedRecorder) Eventf(object runtime.Object, kind, reason, message string, args ...any) {
	r.sending.Add(1)
	r.EventRecorder.Eventf(object, kind, reason, message, args...)
}

type countedSink struct {
	record.EventSink
	sending *sync.WaitGroup
}

func (s countedSink) Create(event *corev1.Event) (*corev1.Event, error) {
	created, err := s.EventSink.Create(event)
	if err == nil {
		s.sending.Done()
	}
	return created, err
}
