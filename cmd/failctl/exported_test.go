package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tandem/failover/lease"
	"tandem/failover/leasefile"
	"tandem/failover/store"
)

// What was made and removed over OMAPI is exported so that a dhcpd reads it.
func TestExportOfObjects(t *testing.T) {
	dir := t.TempDir()
	f := &leasefile.File{Objects: []lease.Object{
		{Kind: "host", Name: "a", Text: "dynamic;\nhardware ethernet 02:00:00:00:00:01;\nfixed-address 10.0.0.9;\ngroup \"g\";\nfilename \"x\";", Changed: 7, Epoch: 1},
		{Kind: "host", Name: "b", Text: "dynamic;\ngroup \"empty\";\nuid \"\\001a\";"},
		{Kind: "host", Name: "gone", Text: "dynamic;", Deleted: true},
		{Kind: "host", Name: "hidden", Deleted: true},
		{Kind: "group", Name: "g", Text: "dynamic;\ndefault-lease-time 60;"},
		{Kind: "group", Name: "empty", Text: "dynamic;"},
		{Kind: "group", Name: "left", Text: "dynamic;", Deleted: true},
	}}
	storeDir := filepath.Join(dir, "store")
	if err := fill(storeDir, f); err != nil {
		t.Fatal(err)
	}
	got, err := gather(store.OSDir(storeDir))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := got.Write(&b, leasefile.Options{}); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"host a {\n  dynamic;\n  hardware ethernet", "host hidden {\n  deleted;\n}", "group g {\n  dynamic;\n  default-lease-time 60;\n}", "group empty {\n}"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "gone") || strings.Contains(text, "left") {
		t.Errorf("deleted ones are exported:\n%s", text)
	}
	dhcpd, err := exec.LookPath("dhcpd")
	if err != nil {
		t.Skip("dhcpd is not installed (Debian: isc-dhcp-server)")
	}
	leases, conf := filepath.Join(dir, "dhcpd.leases"), filepath.Join(dir, "dhcpd.conf")
	for name, what := range map[string]string{leases: text, conf: "subnet 10.0.0.0 netmask 255.255.255.0 { }\nhost hidden { hardware ethernet 02:00:00:00:00:05; }\n"} {
		if err := os.WriteFile(name, []byte(what), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(dhcpd, "-T", "-cf", conf, "-lf", leases).CombinedOutput()
	if err != nil || strings.Contains(string(out), leases+" line") || !strings.Contains(string(out), "Wrote 1 deleted host decls") {
		t.Errorf("dhcpd says (%v):\n%s\nof\n%s", err, out, text)
	}
}
