package redisarrow_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What docs/new-type.md shows is built in its place.
func TestDocsNewType(t *testing.T) {
	blocks := fencedBlocks(t, "docs/new-type.md")
	require.Len(t, blocks, 1)
	_, body, found := strings.Cut(blocks[0].text, "package iterator\n")
	require.True(t, found)
	source := filepath.Join(t.TempDir(), "set.go")
	require.NoError(t, os.WriteFile(source, []byte(`package iterator

import (
	"context"
	"encoding/json"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/scan"
	"github.com/redisarrow/redisarrow/schema"
)
`+body), 0o600))
	place, err := filepath.Abs("iterator/set.go")
	require.NoError(t, err)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{place: source}})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(file, overlay, 0o600))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", file, "./iterator").CombinedOutput()
	assert.NoError(t, err, "%s", out)
}
