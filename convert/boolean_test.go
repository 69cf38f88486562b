package convert

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/require"
)

// Acceptance group C.
var (
	trueWords  = strings.Fields("true TRUE True tRuE 1 yes YES t T y Y")
	falseWords = strings.Fields("false FALSE False 0 no NO f F n N")
	notBools   = []string{"", "2", "on", "off", "01", " true", "true ", `"true"`, "maybe"}
)

func TestBoolean(t *testing.T) {
	for _, text := range trueWords {
		checkGood(t, []good[bool]{{"C1", text, true}}, ParseBool, arrow.FixedWidthTypes.Boolean, Options{})
	}
	for _, text := range falseWords {
		checkGood(t, []good[bool]{{"C2", text, false}}, ParseBool, arrow.FixedWidthTypes.Boolean, Options{})
	}
	for _, text := range append(notBools, "Yess", "tru", "\x11", "\x10", "10", "NÖ") {
		checkBad(t, []bad{{"C3", text, ErrSyntax}}, ParseBool, arrow.FixedWidthTypes.Boolean, Options{})
	}
}

func FuzzParseBool(f *testing.F) {
	for _, text := range slices.Concat(trueWords, falseWords, notBools) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseBool([]byte(text))
		// Only ASCII: ToLower would turn the Kelvin sign into a k.
		small := strings.Map(func(r rune) rune {
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}, text)
		switch {
		case slices.Contains([]string{"true", "t", "yes", "y", "1"}, small):
			require.NoError(t, err)
			require.True(t, got)
		case slices.Contains([]string{"false", "f", "no", "n", "0"}, small):
			require.NoError(t, err)
			require.False(t, got)
		default:
			require.ErrorIs(t, err, ErrSyntax)
		}
	})
}
