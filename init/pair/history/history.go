// Package history keeps the versions of the pair's configuration in a
// directory that people can read:
//
//	v0012-3fa9c1d2/           one directory a version: number and ID
//	    dhcpd.conf            its files
//	    hosts.conf
//	v0012-3fa9c1d2.json       its note: number, parent, who, when, comment,
//	                          the hash of every file, what became of it
//	active -> v0012-3fa9c1d2  the version in force
//	memory.json               what package change remembers
//
// Everything is written under another name, synced, renamed, and the directory
// synced: after a power cut there is the old state or the new one. A version
// counts once its note is there.
package history
