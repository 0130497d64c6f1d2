package leasefile

import (
	"strconv"
	"time"

	"tandem/failover/conf/token"
	"tandem/failover/lease"
)

// neverYear is the first year that dhcpd takes for "never".
const neverYear = 2038

// date reads W YYYY/MM/DD HH:MM:SS [OFFSET], epoch SECONDS, or never. The day
// of the week is ignored, whatever it is; the offset is seconds to be added.
// Dates that do not exist, which dhcpd takes for others, are faults.
func (p *parser) date() (lease.Time, *fault) {
	t := p.lex.Peek()
	switch {
	case t.Is("never"):
		p.lex.Next()
		return lease.Never, nil
	case t.Is("epoch"):
		p.lex.Next()
		n, f := p.number("the seconds since 1970", 0, 1<<40)
		return momentOf(time.Unix(n, 0)), f
	case t.Kind != token.Number && !t.Word():
		return 0, faultAt(t, "a date is expected, not %s", t.Describe())
	}
	p.lex.Next()
	begin := p.lex.Peek()
	var v [6]int
	for i, part := range [...]struct {
		before, what string
		least, most  int64
	}{{"", "the year", 1970, 9999}, {"/", "the month", 1, 12}, {"/", "the day", 1, 31},
		{"", "the hour", 0, 23}, {":", "the minute", 0, 59}, {":", "the second", 0, 60}} {
		if part.before != "" {
			if f := p.expect(part.before); f != nil {
				return 0, f
			}
		}
		n, f := p.number(part.what, part.least, part.most)
		if f != nil {
			return 0, f
		}
		v[i] = int(n)
	}
	when := time.Date(v[0], time.Month(v[1]), v[2], v[3], v[4], v[5], 0, time.UTC)
	if time.Date(v[0], time.Month(v[1]), v[2], 0, 0, 0, 0, time.UTC).Day() != v[2] {
		return 0, faultAt(begin, "month %d has no day %d", v[1], v[2])
	}
	if p.lex.Peek().Kind == token.Number {
		n, f := p.number("the offset in seconds", -86400*2, 86400*2)
		if f != nil {
			return 0, f
		}
		when = when.Add(time.Duration(n) * time.Second)
	}
	return momentOf(when), nil
}

func momentOf(when time.Time) lease.Time {
	if when.UTC().Year() >= neverYear {
		return lease.Never
	}
	return lease.FromUTC(when)
}

// appendDate writes t as dhcpd does.
func appendDate(buf []byte, t lease.Time) []byte {
	if t == lease.Never {
		return append(buf, "never"...)
	}
	when := time.Unix(int64(t), 0).UTC()
	buf = strconv.AppendInt(buf, int64(when.Weekday()), 10)
	return when.AppendFormat(buf, " 2006/01/02 15:04:05")
}
