package scan

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// said is the answer of a node that says lines such as "a master 1 0-99": ID, flags,
// epoch, slots and marks. The node's own one is the one with its ID.
func said(t *testing.T, self string, lines ...string) answer {
	t.Helper()
	var text strings.Builder
	for i, line := range lines {
		f := strings.Fields(line)
		if f[0] == self {
			f[1] = "myself," + f[1]
		}
		fmt.Fprintf(&text, "%s 10.0.0.%d:6379@16379 %s - 0 0 %s connected %s\n", f[0], i+1, f[1], f[2], strings.Join(f[3:], " "))
	}
	view, err := cluster.ParseView(text.String())
	require.NoError(t, err)
	return answer{id: self, addr: self + ":6379", view: view, up: true}
}

func silentNode(id string) answer {
	return answer{id: id, addr: id + ":6379", err: fmt.Errorf("%s doesn't answer", id)}
}

func TestNewSurvey(t *testing.T) {
	type want struct {
		owned              map[string]string // by member
		dead               []string
		disputed, orphaned string
		unowned            string // of 0-99
		silent             string // part of the error; "" is none
	}
	// Three masters with a third of the slots 0 to 89 each.
	a, b, c := "a master 1 0-29", "b master 2 30-59", "c master 3 60-89"
	for name, tc := range map[string]struct {
		answers []answer
		want    want
	}{
		"all agree": {
			[]answer{said(t, "a", a, b, c), said(t, "b", a, b, c), said(t, "c", a, b, c)},
			want{owned: map[string]string{"a": "0-29", "b": "30-59", "c": "60-89"}, unowned: "90-99"},
		},
		"a replica's word doesn't count": {
			[]answer{said(t, "a", a, b), said(t, "b", a, b), said(t, "r", "a master 1 0-39", "r slave 1", b)},
			want{owned: map[string]string{"a": "0-29", "b": "30-59"}, unowned: "60-99"},
		},
		"one gives slots, another one hasn't heard": {
			[]answer{said(t, "a", "a master 1 0-19", "b master 4 20-59"), said(t, "b", a, "b master 4 20-59")},
			want{owned: map[string]string{"a": "0-19", "b": "30-59"}, disputed: "20-29", unowned: "60-99"},
		},
		"two claim a slot": {
			[]answer{said(t, "a", a, b), said(t, "b", a, "b master 4 29-59")},
			want{owned: map[string]string{"a": "0-28", "b": "30-59"}, disputed: "29", unowned: "60-99"},
		},
		"one takes a slot for unowned": {
			[]answer{said(t, "a", a, "b master 2 30-58"), said(t, "b", a, b)},
			want{owned: map[string]string{"a": "0-29", "b": "30-58"}, disputed: "59", unowned: "60-99"},
		},
		"a newcomer without slots knows of no owner": {
			[]answer{said(t, "n", "n master 0", "a master 1", "b master 0"), said(t, "a", a, b, "n master 0"), said(t, "b", a, b, "n master 0")},
			want{owned: map[string]string{"n": "", "a": "0-29", "b": "30-59"}, unowned: "60-99"},
		},
		"a newcomer knows of another owner": {
			[]answer{said(t, "a", a, b, "n master 0"), said(t, "n", "n master 0", "a master 1 0-20", "b master 0 21-59"), said(t, "b", a, b, "n master 0")},
			want{owned: map[string]string{"n": "", "a": "0-20", "b": "30-59"}, disputed: "21-29", unowned: "60-99"},
		},
		"only a newcomer answers": {
			[]answer{said(t, "n", "n master 0"), silentNode("a")},
			want{owned: map[string]string{"n": ""}, unowned: "0-99"},
		},
		"one doesn't answer": {
			[]answer{said(t, "a", a, b, c), said(t, "b", a, b, c), silentNode("c")},
			want{owned: map[string]string{"a": "0-29", "b": "30-59"}, unowned: "90-99", silent: "c doesn't answer"},
		},
		"one was never asked": {
			[]answer{said(t, "a", a, b)},
			want{owned: map[string]string{"a": "0-29"}, unowned: "60-99", silent: "node b of the cluster has no address"},
		},
		"nobody answers": {
			[]answer{silentNode("a"), silentNode("b")},
			want{disputed: "0-99", silent: "no master of the cluster answers"},
		},
		"only replicas answer": {
			[]answer{said(t, "r", a, "r slave 1"), silentNode("a")},
			want{disputed: "0-99", silent: "a doesn't answer"},
		},
		"a node without an address and slots is long gone": {
			[]answer{said(t, "a", a, "x noaddr,master 0"), silentNode("x")},
			want{owned: map[string]string{"a": "0-29"}, unowned: "30-99"},
		},
		"a node without an address has slots": {
			[]answer{said(t, "a", a, "x noaddr,master 0 30")},
			want{owned: map[string]string{"a": "0-29"}, unowned: "31-99", silent: "node x"},
		},
		"a handshake isn't a node yet": {
			[]answer{said(t, "a", a, "x handshake,master 0")},
			want{owned: map[string]string{"a": "0-29"}, unowned: "30-99"},
		},
		"one has become a replica, which the others don't know yet": {
			[]answer{said(t, "a", a, b, c), said(t, "b", a, b, c), said(t, "c", a, b, "c slave 3")},
			want{owned: map[string]string{"a": "0-29", "b": "30-59"}, unowned: "90-99"}, // nobody's to be read
		},
		"a replica has promoted itself, which only its old master knows": {
			[]answer{said(t, "r", "r master 5 0-29", "a slave 1", b), said(t, "b", a, b, "r slave 1"), said(t, "a", "r master 5 0-29", "a slave 1", b)},
			want{owned: map[string]string{"r": "", "b": "30-59"}, disputed: "0-29", unowned: "60-99"},
		},
		"a replica has just been promoted, of which nobody has heard": {
			[]answer{said(t, "a", a, b, c, "r slave 3"), said(t, "b", a, b, c, "r slave 3"), said(t, "c", a, b, c, "r slave 3"), said(t, "r", a, b, "c master 3", "r master 4 60-89")},
			want{owned: map[string]string{"a": "0-29", "b": "30-59", "c": "", "r": ""}, disputed: "60-89", unowned: "90-99"},
		},
		"one has just been promoted that had failed as a replica": {
			[]answer{said(t, "a", a, b, c, "r fail,slave 3"), said(t, "b", a, b, c, "r fail,slave 3"), said(t, "c", a, b, c, "r fail,slave 3"), said(t, "r", a, b, "c master 3", "r master 4 60-89")},
			want{owned: map[string]string{"a": "0-29", "b": "30-59", "c": "", "r": ""}, disputed: "60-89", unowned: "90-99"},
		},
		"one that is a replica of its successor for all others": {
			[]answer{said(t, "c", a, b, c, "r slave 3"), said(t, "a", a, b, "c slave 4", "r master 4 60-89"), said(t, "b", a, b, "c slave 4", "r master 4 60-89"), said(t, "r", a, b, "c slave 4", "r master 4 60-89")},
			want{owned: map[string]string{"a": "0-29", "b": "30-59", "r": "60-89"}, dead: []string{"c"}, unowned: "90-99"},
		},
		"a dead master with slots": {
			[]answer{said(t, "a", a, b, "c fail,master 3 60-89"), said(t, "b", a, b, "c fail,master 3 60-89"), silentNode("c")},
			want{owned: map[string]string{"a": "0-29", "b": "30-59"}, dead: []string{"c"}, orphaned: "60-89", unowned: "90-99"},
		},
		"half of the masters take one for dead": {
			[]answer{said(t, "a", a, "b fail,master 2 30-59"), silentNode("b")},
			want{owned: map[string]string{"a": "0-29"}, unowned: "60-99", silent: "b doesn't answer"},
		},
		"a dead master that has been replaced": {
			[]answer{said(t, "a", a, b, "c fail,master 3", "r master 4 60-89"), said(t, "b", a, b, "c fail,master 3", "r master 4 60-89"), said(t, "r", a, b, "c fail,master 3", "r master 4 60-89"), silentNode("c")},
			want{owned: map[string]string{"a": "0-29", "b": "30-59", "r": "60-89"}, dead: []string{"c"}, unowned: "90-99"},
		},
		"one that has been cut off and replaced answers still": {
			[]answer{said(t, "c", a, b, c, "r slave 3"), said(t, "a", a, b, "c fail,master 3", "r master 4 60-89"), said(t, "b", a, b, "c fail,master 3", "r master 4 60-89"), said(t, "r", a, b, "c fail,master 3", "r master 4 60-89")},
			want{owned: map[string]string{"a": "0-29", "b": "30-59", "r": "60-89"}, dead: []string{"c"}, unowned: "90-99"},
		},
		"one that has been cut off and not replaced answers still": {
			[]answer{said(t, "c", a, b, c), said(t, "a", a, b, "c fail,master 3 60-89"), said(t, "b", a, b, "c fail,master 3 60-89")},
			want{owned: map[string]string{"a": "0-29", "b": "30-59", "c": "60-89"}, unowned: "90-99"},
		},
		"one that has been cut off, of whose replacement not all have heard": {
			[]answer{said(t, "c", a, b, c), said(t, "a", a, b, "c fail,master 3 60-89"), said(t, "b", a, b, "c fail,master 3", "r master 4 60-89"), said(t, "r", a, b, "c fail,master 3", "r master 4 60-89")},
			want{owned: map[string]string{"a": "0-29", "b": "30-59", "c": "", "r": ""}, disputed: "60-89", unowned: "90-99"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSurvey(7, tc.answers)
			assert.Equal(t, 7, s.number)
			owned := map[string]string{}
			for id, m := range s.members {
				assert.Equal(t, id, m.id)
				assert.Equal(t, id+":6379", m.addr)
				assert.True(t, m.up)
				owned[id] = m.slots.String()
			}
			if tc.want.owned == nil {
				tc.want.owned = owned
				assert.Empty(t, owned)
			}
			assert.Equal(t, tc.want.owned, owned)
			looked := ranges(t, "0-99")
			assert.Equal(t, tc.want.disputed, s.disputed.Intersect(looked).String(), "disputed")
			assert.Equal(t, tc.want.orphaned, s.orphaned.Intersect(looked).String(), "orphaned")
			assert.Equal(t, tc.want.unowned, s.unowned.Intersect(looked).String(), "unowned")
			for _, id := range tc.want.dead {
				assert.Contains(t, s.dead, id)
			}
			assert.Len(t, s.dead, len(tc.want.dead))
			if tc.want.silent == "" {
				require.NoError(t, s.silent)
			} else {
				require.ErrorContains(t, s.silent, tc.want.silent)
			}
			assert.Equal(t, tc.want.silent == "" && len(owned) > 0, s.conclusive())
		})
	}
}

// Where a dead node was is known, if it was asked.
func TestSurveyNamesTheDead(t *testing.T) {
	a, b, c := "a master 1 0", "b master 2 1", "c fail,master 3 2"
	s := newSurvey(1, []answer{said(t, "a", a, b, c), said(t, "b", a, b, c), silentNode("c")})
	assert.Equal(t, map[string]string{"c": "c:6379"}, s.dead)
}

// A member knows its epoch, and the marks of its own line.
func TestSurveyMembers(t *testing.T) {
	b := "b master 2 5-9 [7->-a] [8-<-c] [30-<-a]"
	one := said(t, "b", "a master 1 0-4 [3->-b]", b)
	one.up = false
	m := newSurvey(1, []answer{said(t, "a", "a master 1 0-4 [3->-b]", b), one}).members["b"]
	require.NotNil(t, m)
	assert.Equal(t, member{
		id: "b", addr: "b:6379", epoch: 2, slots: ranges(t, "5-9"),
		migrating: map[uint16]string{7: "a"}, importing: map[uint16]string{8: "c", 30: "a"},
	}, *m)
	marked, moving := m.marked(), m.movingTo("a")
	assert.Equal(t, "7-8", marked.String(), "its own slots only")
	assert.Equal(t, "7", moving.String())
	assert.Equal(t, []string{"b", "c"}, ownerOf("a", 1, "").marks(map[uint16]string{3: "c", 4: "b", 5: "c"}, nil).targets())
}

// Whoever asks first, it is the same.
func TestSurveyInAnyOrder(t *testing.T) {
	a, b, c := "a master 1 0-29", "b master 2 30-59", "c master 3 60-89"
	answers := []answer{said(t, "a", a, b, "c master 3 60-88"), said(t, "n", "n master 0"), said(t, "b", a, b, c), said(t, "c", a, b, c)}
	want := newSurvey(1, answers)
	for _, order := range [][]int{{0, 1, 3, 2}, {1, 0, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}} {
		var shuffled []answer
		for _, i := range order {
			shuffled = append(shuffled, answers[i])
		}
		got := newSurvey(1, shuffled)
		assert.Equal(t, want.disputed, got.disputed, order)
		assert.Equal(t, want.members, got.members, order)
		assert.Equal(t, want.unowned, got.unowned, order)
	}
}

var errTest = errors.New("no answer")
