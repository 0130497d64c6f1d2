package conf

import "strings"

// nearest gives the word of words that word is most likely meant for, or "".
func nearest(word string, words []string) string {
	word = strings.ToLower(word)
	if len(word) > 40 {
		return ""
	}
	most := 0 // how many slips of the keyboard to forgive
	for _, length := range []int{3, 8, 15} {
		if len(word) >= length {
			most++
		}
	}
	best, bestAt := "", most+1
	var rows [3][]int
	for _, w := range words {
		if d := distance(word, w, most, &rows); d < bestAt {
			best, bestAt = w, d
		}
	}
	return best
}

// distance is the number of insertions, deletions, changes and swaps of
// neighbours that make b of a, or more than most; rows is room to work in.
func distance(a, b string, most int, rows *[3][]int) int {
	if d := len(a) - len(b); d > most || -d > most {
		return most + 1
	}
	for i := range rows {
		if len(rows[i]) <= len(b) {
			rows[i] = make([]int, len(b)+32)
		}
	}
	before, last, row := rows[0], rows[1], rows[2]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// lowerTrimmed is a name as people take it.
func lowerTrimmed(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
