package redisarrow_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The acceptance cases are tables of what is stored, the schema, and the cells
// that must come out, numbered within groups. Each is found among the tests by
// group and number: as a (sub)test's name that begins with it, K3 or M17. What
// the groups are about:
//
//	A int64       B float64        C boolean       D date32        E timestamp
//	F text, bytes G schema         H strings       I TTL           J vanishing keys, other types, bad cells
//	K batches     L projection     M cluster       N the start     O together      Q round trip
//
// Group N has no numbers, and is found by N.
var acceptanceCases = map[string]int{
	"A": 3, "B": 8, "C": 3, "D": 4, "E": 10, "F": 8, "G": 12, "H": 9, "I": 5, "J": 7, "K": 11, "L": 6, "M": 18, "O": 3, "Q": 3,
}

func TestAcceptanceCasesHaveTests(t *testing.T) {
	name := regexp.MustCompile(`["/]([A-Q]\d+)\b|\bfunc Test([A-Q]\d+)[A-Z]`)
	found := map[string]bool{}
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			found[m[1]+m[2]] = true
		}
		return err
	}))
	for group, cases := range acceptanceCases {
		for i := range cases {
			assert.True(t, found[fmt.Sprint(group, i+1)], "no test is named after %s%d", group, i+1)
		}
	}
}
