// Package glob matches keys as the servers' MATCH does.
package glob

// Match tells whether s matches pattern as Redis's stringmatchlen has it:
// * ? [a-z] [^a-z] and \ to take the next character as it is. Its oddities are
// kept, because MATCH on a real server has them: an unfinished class ends with
// the pattern, a range may be written backwards, and an empty string is matched
// by an empty pattern only.
func Match[S ~string | ~[]byte](pattern string, s S) bool {
	if len(s) == 0 {
		return pattern == ""
	}
	skip := false
	return part(pattern, s, &skip, 0)
}

// maxNesting is how many stars Redis follows before it says no.
const maxNesting = 1000

// part matches one rest of the pattern. skip is set when what follows a
// star matches nowhere in the rest of s: then no earlier star can help, and
// the search doesn't take exponential time.
func part[S ~string | ~[]byte](p string, s S, skip *bool, nesting int) bool {
	if nesting > maxNesting {
		return false
	}
	for len(p) > 0 && len(s) > 0 {
		switch p[0] {
		case '*':
			for len(p) > 1 && p[1] == '*' {
				p = p[1:]
			}
			if len(p) == 1 {
				return true
			}
			for ; len(s) > 0; s = s[1:] {
				if part(p[1:], s, skip, nesting+1) {
					return true
				}
				if *skip {
					return false
				}
			}
			*skip = true
			return false
		case '?':
			p = p[1:]
		case '[':
			var ok bool
			if p, ok = class(p[1:], s[0]); !ok {
				return false
			}
		default:
			if p[0] == '\\' && len(p) >= 2 {
				p = p[1:]
			}
			if p[0] != s[0] {
				return false
			}
			p = p[1:]
		}
		s = s[1:]
	}
	for len(s) == 0 && len(p) > 0 && p[0] == '*' {
		p = p[1:]
	}
	return len(p) == 0 && len(s) == 0
}

// class matches c against the class that p starts with, behind its [, and
// returns what follows the class.
func class(p string, c byte) (rest string, ok bool) {
	not := len(p) > 0 && p[0] == '^'
	if not {
		p = p[1:]
	}
	match := false
	for len(p) > 0 && p[0] != ']' {
		switch {
		case p[0] == '\\' && len(p) >= 2:
			match = match || p[1] == c
			p = p[2:]
		case len(p) >= 3 && p[1] == '-':
			lo, hi := min(p[0], p[2]), max(p[0], p[2])
			match = match || lo <= c && c <= hi
			p = p[3:]
		default:
			match = match || p[0] == c
			p = p[1:]
		}
	}
	if len(p) > 0 {
		p = p[1:] // the ]
	}
	return p, match != not
}
