package conf

import (
	"bytes"
	"errors"
	"regexp"
)

// maxPattern is the length of a regular expression, in octets.
const maxPattern = 1500

// pattern is a regular expression of ~= or ~~. Matching takes time linear in
// the length of the data, whatever the expression.
type pattern struct{ re *regexp.Regexp }

var errPattern = errors.New("the regular expression is too long")

// compilePattern compiles an extended regular expression (POSIX), or what
// goes beyond it; fold ignores the case of letters.
func compilePattern(text string, fold bool) (*pattern, error) {
	if len(text) > maxPattern {
		return nil, errPattern
	}
	if !fold {
		if re, err := regexp.CompilePOSIX(text); err == nil {
			return &pattern{re}, nil
		}
	} else {
		text = "(?i)" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	return &pattern{re}, nil
}

// match tells whether the data, up to its first NUL, has a match in it.
func (p *pattern) match(subject []byte) bool {
	if i := bytes.IndexByte(subject, 0); i >= 0 {
		subject = subject[:i]
	}
	return p.re.Match(subject)
}
