package store

import "io"

// FS is one directory of a file system, as much of it as the store needs.
// Names are plain names in that directory. An FS is safe for use by several
// goroutines.
type FS interface {
	// Name is the path of the directory, for messages.
	Name() string
	// Lock makes the directory if it is missing and takes its lock, which
	// one process at a time holds; ErrLocked if it is taken.
	Lock() (io.Closer, error)
	// List gives the names in the directory, in order.
	List() ([]string, error)
	// Create makes an empty file for reading and writing; an old one of that
	// name is emptied.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// Edit opens a file for reading and writing.
	Edit(name string) (File, error)
	// Rename replaces to by from at once.
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir makes every Create, Rename and Remove before it durable.
	SyncDir() error
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	// Sync makes the contents, and the size if it changed, durable.
	Sync() error
}
