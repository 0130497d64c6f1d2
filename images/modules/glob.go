package modules

// glob reports whether a pattern of a module's alias fits a device's whole
// modalias: '*' is any text, '?' any byte, "[a-c7]" one of a set. Unlike
// path.Match it lets '*' run over '/', which stands in DMI dates.
func glob(pattern, s string) bool {
	star, mark := -1, 0 // the last '*' and where its text began
	p, i := 0, 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			star, mark = p, i
			p++
			continue
		}
		if next, ok := one(pattern, p, s[i]); ok {
			p, i = next, i+1
			continue
		}
		if star < 0 {
			return false
		}
		mark++ // let the last '*' take one byte more and try again
		p, i = star+1, mark
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// one fits the element of pattern at p to one byte and returns where the next
// element begins.
func one(pattern string, p int, c byte) (int, bool) {
	if p >= len(pattern) {
		return 0, false
	}
	switch pattern[p] {
	case '?':
		return p + 1, true
	case '[':
		return set(pattern, p+1, c)
	default:
		return p + 1, pattern[p] == c
	}
}

// set fits "a-c7]" beginning at p. A set without its end fits nothing.
func set(pattern string, p int, c byte) (int, bool) {
	fits := false
	for ; p < len(pattern); p++ {
		if pattern[p] == ']' {
			return p + 1, fits
		}
		low, high := pattern[p], pattern[p]
		if p+2 < len(pattern) && pattern[p+1] == '-' && pattern[p+2] != ']' {
			high = pattern[p+2]
			p += 2
		}
		fits = fits || low <= c && c <= high
	}
	return 0, false
}
