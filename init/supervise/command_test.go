package supervise

import (
	"strings"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	r := NewReaper(stop)
	var out strings.Builder
	if err := r.Run("/bin/echo", []string{"all", "is", "well"}, &out, time.Minute); err != nil || out.String() != "all is well\n" {
		t.Fatalf("%q, %v", out.String(), err)
	}
	if err := r.Run("/bin/sleep", []string{"60"}, &out, 50*time.Millisecond); err == nil || !strings.Contains(err.Error(), "SIGKILL") {
		t.Fatalf("a program that hangs: %v", err)
	}
	if err := r.Run("/no/such/program", nil, &out, time.Minute); err == nil {
		t.Fatal("a missing program was run")
	}
}
