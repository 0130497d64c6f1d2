package main

import (
	"fmt"

	"tandem/init/network"
	"tandem/init/setup"
)

// machine is the box as its consoles use it. Its methods are called by
// several consoles beside the boot steps and the watch loop, so they work on
// pictures and hand orders on.
type machine struct{ *box }

var _ setup.Machine = (*machine)(nil)

// Facts implements setup.Machine.
func (m *machine) Facts() setup.Facts {
	if f := m.factsNow.Load(); f != nil {
		return *f
	}
	return setup.Facts{}
}

// Ports implements setup.Machine.
func (m *machine) Ports() []setup.Port {
	named := m.portsNow.Load()
	if named == nil {
		return nil
	}
	var list []setup.Port
	for _, p := range *named {
		s := network.SignalOf(p.NIC.Name)
		list = append(list, setup.Port{Name: p.Label, MAC: p.NIC.MAC, Driver: p.NIC.Driver, Carrier: s.Carrier, Speed: s.Speed})
	}
	return list
}

// Status implements setup.Machine.
func (m *machine) Status() setup.Status {
	if s := m.picture.Load(); s != nil {
		return *s
	}
	return setup.Status{Booting: m.wait(), Sentence: "starting"}
}

// guard makes an error of a panic.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("this is a fault of the software: %v", r)
	}
}

// port finds a port of the case by the name that people use.
func (m *machine) port(name string) (string, error) {
	named := m.portsNow.Load()
	if named == nil {
		return "", fmt.Errorf("the ports are not known yet")
	}
	p, err := network.Find(name, *named)
	return p.NIC.Name, err
}
