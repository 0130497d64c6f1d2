package perf

import (
	"os"
	"testing"
)

func TestParse(t *testing.T) {
	text, err := os.ReadFile("testdata/report.txt")
	if err != nil {
		t.Fatal(err)
	}
	r, err := parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Half{Sent: 3999, Received: 3990, Orphans: 2}); r.Offers != want {
		t.Errorf("offers %+v", r.Offers)
	}
	if want := (Half{Sent: 3990, Received: 3599, Rejected: 1, NonUnique: 3}); r.Acks != want {
		t.Errorf("acks %+v", r.Acks)
	}
	if c := r.Complete(); c < 0.899 || c > 0.9001 {
		t.Errorf("complete %v", c)
	}
	if _, err := parse("Rate: 1\n"); err == nil {
		t.Error("a report without statistics was taken")
	}
}
