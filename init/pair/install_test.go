package pair

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/init/box"
	"tandem/init/pair/change"
	"tandem/init/pair/enrol"
	"tandem/init/pair/version"
)

func TestInstallOffer(t *testing.T) {
	s := newSite(t)
	host, own := ring(t), s.box(s.conf("dhcp-b", box.Secondary))
	v := version.First(version.Files{version.Main: []byte("authoritative;\n"), "hosts.conf": []byte("# none\n")})
	v.Number = 7
	session := &enrol.Session{Pin: host.pin, PublicKey: publicKey(host.cert),
		Offer: enrol.Offer{HostConf: []byte(s.conf("dhcp-a", box.Primary)), Config: v}}
	for range 2 { // the console may repeat it
		if err := InstallOffer(own.o.Keys, own.o.Dir, "dhcp", session); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(own.o.Dir, "config", "active", "hosts.conf"))
	if err != nil || string(raw) != "# none\n" {
		t.Fatalf("%q, %v", raw, err)
	}
	raw, err = os.ReadFile(filepath.Join(own.o.Dir, "config", "memory.json"))
	var m change.Memory
	if err != nil || json.Unmarshal(raw, &m) != nil || m.Settled != v.Ref() || m.Highest != 7 {
		t.Fatalf("%s, %v", raw, err)
	}
	id, err := readIdentity(own.o)
	if err != nil || !id.paired || id.pin != host.pin || id.partner == nil || id.partnerBox.Name != "dhcp-a" {
		t.Fatalf("%+v, %v", id, err)
	}

	// A key that is not the pin's is not written down.
	session.Pin = ring(t).pin
	if err := InstallOffer(own.o.Keys, own.o.Dir, "dhcp", session); err == nil || !strings.Contains(err.Error(), "does not fit its pin") {
		t.Fatal(err)
	}

	// A pin that was set by hand since makes the old key nobody's.
	if err := own.key().SetPartner("dhcp", session.Pin); err != nil {
		t.Fatal(err)
	}
	if id, err = readIdentity(own.o); err != nil || id.partner != nil || !id.paired {
		t.Fatalf("%+v, %v", id, err)
	}
}

func TestDamageOfThePartnersFiles(t *testing.T) {
	s := newSite(t)
	b := s.box(s.conf("dhcp-b", box.Secondary))
	b.write(filepath.Join(b.o.Dir, partnerConf), "rubbish")
	b.write(filepath.Join(b.o.Dir, partnerPub), "rubbish")
	if err := b.key().SetPartner("dhcp", ring(t).pin); err != nil {
		t.Fatal(err)
	}
	if id, err := readIdentity(b.o); err != nil || id.partner != nil || id.partnerOK {
		t.Fatalf("%+v, %v", id, err)
	}
	b.write(filepath.Join(b.o.Keys, "partner-dhcp"), "rubbish")
	if _, err := readIdentity(b.o); err == nil || !strings.Contains(err.Error(), "failctl pair open") {
		t.Fatal(err)
	}
}
