// Package backup puts all that makes a box into one signed file, and back.
//
//	backup.Write(w, Source{Dir: "/data", Key: ed25519.PrivateKey, ...})
//	backup.Verify(r) (Manifest, error)    // names what is wrong
//	backup.Stage(r, "/data", ...)         // verified, then whole at /data/restore
//	backup.Finish("/data")                // at boot, before any service: puts a staged
//	                                      // backup in place and writes layout.RestoredMark
//
// Finish may be repeated after a power cut at any moment.
package backup
