package scan

import (
	"testing"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/stretchr/testify/assert"
)

// Whom a master names is asked, replicas too: one of them may have been promoted, of
// which nobody has heard yet. Replicas that have failed aren't waited for.
func TestSurveyorOthers(t *testing.T) {
	v := &surveyor{dialer: &cluster.Dialer{}, known: map[string]string{"b": "host-b:1"}, news: map[string]bool{}}
	lines := []string{
		"a master 1 0-9", "b master 2 10-19", "c fail,master 3 20-29", "d handshake,master 0", "e noaddr,master 0",
		"r slave 1", "q fail,slave 1", "p fail?,slave 1",
	}
	named := map[string]respondent{}
	a := said(t, "a", lines...)
	v.others(&a, func(id string, r respondent) { named[id] = r })
	assert.Equal(t, map[string]respondent{
		"b": {addr: "host-b:1"}, "c": {addr: "10.0.0.3:6379"},
		"r": {addr: "10.0.0.6:6379", replica: true}, "p": {addr: "10.0.0.8:6379", replica: true},
	}, named)

	assert.True(t, v.lost, "the cluster is asked where those are that weren't known")

	nobody := silentNode("a")
	replica := said(t, "r", lines...)
	for _, a := range []*answer{&nobody, &replica} {
		v.others(a, func(string, respondent) { assert.Fail(t, "its word doesn't count") })
	}
}
