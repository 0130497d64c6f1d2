package conf

import "tandem/failover/conf/token"

// place is where something stands: a file and an offset in it. Places are
// ordered as the text was read: seq counts the switches between files, so an
// included file comes where its include statement stands.
type place struct {
	src *token.Source
	off uint32
	seq uint32
}

// Pos gives the place as file, line and column.
func (p place) Pos() Pos {
	if p.src == nil {
		return Pos{}
	}
	at := p.src.Pos(int(p.off))
	return Pos{File: p.src.Name, Line: at.Line, Col: at.Col}
}

// line is the text of the line that p is in.
func (p place) line() string {
	if p.src == nil {
		return ""
	}
	return p.src.Line(p.src.Pos(int(p.off)).Line)
}

// before orders places.
func (p place) before(o place) bool {
	if p.seq != o.seq {
		return p.seq < o.seq
	}
	return p.off < o.off
}
