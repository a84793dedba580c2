package main

import (
	"flag"
	"fmt"
	"strings"
	"time"
)

func milliseconds(name string, value int64) *time.Duration {
	duration := time.Duration(value) * time.Millisecond
	flag.Func(name, fmt.Sprintf("in `ms` (default %d)", value), func(text string) error {
		parsed, err := time.ParseDuration(text + "ms")
		duration = parsed
		return err
	})
	return &duration
}

func keyValues(name, usage string) *map[string]string {
	var values map[string]string
	flag.Func(name, usage, func(text string) error {
		key, value, found := strings.Cut(text, "=")
		if !found {
			return fmt.Errorf("no value in %q", text)
		}
		if values == nil {
			values = map[string]string{}
		}
		values[key] = value
		return nil
	})
	return &values
}
