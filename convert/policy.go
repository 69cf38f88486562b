package convert

import "fmt"

// Policy says what becomes of a cell that can't be converted.
type Policy int

const (
	// Fail ends the scan with an error that names the cell. It is the zero
	// value: no data is lost unless somebody asks for it.
	Fail Policy = iota
	// Null makes the cell null, and counts it.
	Null
	// SkipRow leaves out the cell's whole row, and counts it.
	SkipRow
)

// ParsePolicy reads a policy as String writes it: "fail", "null" or "skip".
// Anything else is an error that names the three.
func ParsePolicy(text string) (Policy, error) {
	for p := Fail; p <= SkipRow; p++ {
		if text == p.String() {
			return p, nil
		}
	}
	return Fail, fmt.Errorf("unknown parse policy %q: use fail, null or skip", text)
}

// String gives "fail", "null" or "skip", and "Policy(n)" for a value that is
// none of the three.
func (p Policy) String() string {
	switch p {
	case Fail:
		return "fail"
	case Null:
		return "null"
	case SkipRow:
		return "skip"
	}
	return fmt.Sprintf("Policy(%d)", int(p))
}
