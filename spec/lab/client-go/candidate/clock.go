package main

import (
	"reflect"
	"time"
	"unsafe"

	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/utils/clock"
)

// shiftedClock is the machine's, but off by so much.
type shiftedClock struct {
	clock.RealClock
	offset time.Duration
}

func (c shiftedClock) Now() time.Time { return time.Now().Add(c.offset) }

func (c shiftedClock) Since(then time.Time) time.Duration { return c.Now().Sub(then) }

// shiftClock sets the clock that an elector writes its times by. It is private, and a library that
// stands in for libc's clock does not reach Go, which asks the kernel by itself.
func shiftClock(elector *leaderelection.LeaderElector, offset time.Duration) {
	field := reflect.ValueOf(elector).Elem().FieldByName("clock")
	settable := reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
	settable.Set(reflect.ValueOf(shiftedClock{offset: offset}))
}
