package journal

import (
	"fmt"
	"net"
	"time"
)

// facility is daemon (RFC 5424 section 6.2.1).
const facility = 3

// nextTry is the pause after the remote server could not be spoken to.
const nextTry = 5 * time.Second

// ToSyslog begins to send the journal to a remote server by UDP (RFC 5426),
// under the name of this box. What is sent while there is no way to the server
// is lost; the files still have it.
func (j *Journal) ToSyslog(server, host string) {
	var conn net.Conn
	var retry time.Time
	var sent uint64
	j.attach(func(l Line) {
		sent++ // the server sees from the numbers what it missed
		if conn == nil && time.Now().Before(retry) {
			return
		}
		var err error
		if conn == nil {
			conn, err = net.Dial("udp", server)
		}
		if err == nil {
			_, err = conn.Write([]byte(Format(l, host, sent)))
		}
		if err != nil {
			if conn != nil {
				conn.Close()
			}
			conn, retry = nil, time.Now().Add(nextTry)
		}
	}, func() {
		if conn != nil {
			conn.Close()
		}
	})
}

// Format writes a line as RFC 5424 has it. A time that is not trusted is the
// nil value, and the time quality says so (section 7.1); the sequence number
// is that of section 7.3.1.
func Format(l Line, host string, sequence uint64) string {
	stamp, synced := "-", 0
	if l.Trusted {
		stamp, synced = l.At.UTC().Format("2006-01-02T15:04:05.000000Z"), 1
	}
	if host == "" {
		host = "-"
	}
	const wrap = 1<<31 - 1 // section 7.3.1
	return fmt.Sprintf("<%d>1 %s %s %s - - [timeQuality tzKnown=\"1\" isSynced=\"%d\"][meta sequenceId=\"%d\" sysUpTime=\"%d\"] %s",
		facility*8+int(l.Severity), stamp, host, l.App, synced, (sequence-1)%wrap+1, l.SinceBoot/(10*time.Millisecond), l.Text)
}
