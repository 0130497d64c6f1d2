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
	if code, err := r.Run("/bin/echo", []string{"all", "is", "well"}, &out, time.Minute); code != 0 || err != nil || out.String() != "all is well\n" {
		t.Fatalf("%q, %v", out.String(), err)
	}
	if code, err := r.Run("/bin/false", nil, &out, time.Minute); code != 1 || err != nil {
		t.Fatalf("exit code %d, %v", code, err)
	}
	if _, err := r.Run("/bin/sleep", []string{"60"}, &out, 50*time.Millisecond); err == nil || !strings.Contains(err.Error(), "SIGKILL") {
		t.Fatalf("a program that hangs: %v", err)
	}
	if _, err := r.Run("/no/such/program", nil, &out, time.Minute); err == nil {
		t.Fatal("a missing program was run")
	}
}
