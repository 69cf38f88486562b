package minicluster

// globMatch tells whether s matches pattern as Redis's stringmatchlen has it:
// * ? [a-z] [^a-z] and \ to take the next character as it is. Its oddities are
// kept, because MATCH on a real server has them: an unfinished class ends with
// the pattern, a range may be written backwards, and an empty string is matched
// by an empty pattern only.
func globMatch(pattern, s string) bool {
	if s == "" {
		return pattern == ""
	}
	skip := false
	return globPart(pattern, s, &skip, 0)
}

// globNesting is how many stars Redis follows before it says no.
const globNesting = 1000

// globPart matches one rest of the pattern. skip is set when what follows a
// star matches nowhere in the rest of s: then no earlier star can help, and
// the search doesn't take exponential time.
func globPart(p, s string, skip *bool, nesting int) bool {
	if nesting > globNesting {
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
				if globPart(p[1:], s, skip, nesting+1) {
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
			if p, ok = globClass(p[1:], s[0]); !ok {
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

// globClass matches c against the class that p starts with, behind its [, and
// returns what follows the class.
func globClass(p string, c byte) (rest string, ok bool) {
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
