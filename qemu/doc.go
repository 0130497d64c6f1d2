// Package qemu is a laboratory: boxes as virtual machines under plain
// emulation, the networks between them, and what else is on a network.
//
//	Lab      owns a directory and everything that is started; Close ends all of it
//	Box      one virtual machine: power, freeze, console, cables
//	Console  its serial line: what it said, what is typed
//	Switch   Ethernet in memory, with faults on each port and a recording
//	Host     answers ARP, ping and UDP on a switch; Clock is an NTP server that can lie
//	Station  a network namespace with a tap on the switch, for real programs
//
// Frames travel over Unix sockets, so boxes and switches need no privileges;
// only a Station needs root. Everything is bounded: queues, tables, consoles
// and the time of each call; what did not fit is counted.
package qemu
