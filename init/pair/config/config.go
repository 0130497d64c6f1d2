// Package config is the configuration of the pair on one box: it carries out
// what package change decides (history on disk, dhcpfd's check and reload), and
// answers the operator's words. It has no sockets of its own: the pair service
// gives it the session's messages and takes those that are to be sent.
//
//	m, err := config.Open(config.Options{...})
//	go m.Run(ctx)                       // the only goroutine that decides
//	m.LinkUp(func(msg []byte) bool)     // a session began: how to send
//	m.Receive(msg []byte) error         // a message came in it
//	m.LinkDown()
//	m.Status()                          // for status.json
//	m.Ask(words, done)                  // control.Asker for ["config", ...]
package config
