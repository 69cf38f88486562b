package iterator

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVersionIn(t *testing.T) {
	ours := func(version string, replace *debug.Module) *debug.Module {
		return &debug.Module{Path: modulePath, Version: version, Replace: replace}
	}
	other := debug.Module{Path: "example.com/service", Version: "v3.0.0"}
	for name, c := range map[string]struct {
		info debug.BuildInfo
		want string
	}{
		"the command":               {debug.BuildInfo{Main: *ours("v1.2.3", nil)}, "v1.2.3"},
		"the command, of a folder":  {debug.BuildInfo{Main: *ours("(devel)", nil)}, "(devel)"},
		"a test":                    {debug.BuildInfo{Main: *ours("", nil)}, "(devel)"},
		"in a service":              {debug.BuildInfo{Main: other, Deps: []*debug.Module{{Path: "a"}, ours("v1.2.3", nil)}}, "v1.2.3"},
		"replaced by a folder":      {debug.BuildInfo{Main: other, Deps: []*debug.Module{ours("v1.2.3", &debug.Module{Path: "../redisarrow"})}}, "(devel)"},
		"replaced by a fork":        {debug.BuildInfo{Main: other, Deps: []*debug.Module{ours("v1.2.3", &debug.Module{Path: "x", Version: "v9"})}}, "v9"},
		"without build information": {debug.BuildInfo{}, "(devel)"},
	} {
		assert.Equal(t, c.want, versionIn(&c.info), name)
	}
}
