package scan

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// marks adds marks of migrations to a master.
func (m *member) marks(migrating, importing map[uint16]string) *member {
	if migrating != nil {
		m.migrating = migrating
	}
	if importing != nil {
		m.importing = importing
	}
	return m
}

func (m *member) down() *member {
	m.up = false
	return m
}

func (s *survey) without(err error) *survey {
	s.silent = err
	return s
}

func (s *survey) disputing(t *testing.T, slots string) *survey {
	s.disputed = ranges(t, slots)
	return s
}

func TestSettled(t *testing.T) {
	for name, c := range map[string]struct {
		survey *survey
		want   string // of a with epoch 7
		moving string // of a with epoch 7, to b with epoch 8
	}{
		"at rest":              {surveyOf(1, ownerOf("a", 7, "0-9"), ownerOf("b", 8, "10-19")), "0-9", ""},
		"some are moving":      {surveyOf(1, ownerOf("a", 7, "0-9").marks(map[uint16]string{3: "b", 4: "c", 15: "b"}, nil), ownerOf("b", 8, "10-19")), "0-2,5-9", "3"},
		"one comes in, too":    {surveyOf(1, ownerOf("a", 7, "0-9").marks(map[uint16]string{3: "b", 4: "b"}, map[uint16]string{4: "b", 11: "b"}), ownerOf("b", 8, "10-19")), "0-2,5-9", "3"},
		"another epoch":        {surveyOf(1, ownerOf("a", 6, "0-9").marks(map[uint16]string{3: "b"}, nil), ownerOf("b", 8, "10-19")), "", ""},
		"the target's epoch":   {surveyOf(1, ownerOf("a", 7, "0-9").marks(map[uint16]string{3: "b"}, nil), ownerOf("b", 9, "10-19")), "0-2,4-9", ""},
		"no target":            {surveyOf(1, ownerOf("a", 7, "0-9").marks(map[uint16]string{3: "b"}, nil)), "0-2,4-9", ""},
		"down":                 {surveyOf(1, ownerOf("a", 7, "0-9").marks(map[uint16]string{3: "b"}, nil).down(), ownerOf("b", 8, "10-19")), "", ""},
		"no owner":             {surveyOf(1, ownerOf("b", 8, "10-19")), "", ""},
		"somebody was silent":  {surveyOf(1, ownerOf("a", 7, "0-9").marks(map[uint16]string{3: "b"}, nil), ownerOf("b", 8, "10-19")).without(errTest), "", ""},
		"nobody was asked":     {surveyOf(1), "", ""},
		"the target is down":   {surveyOf(1, ownerOf("a", 7, "0-9").marks(map[uint16]string{3: "b"}, nil), ownerOf("b", 8, "10-19").down()), "0-2,4-9", "3"},
		"others are of no use": {surveyOf(1, ownerOf("a", 7, "0-9"), ownerOf("c", 1, "").down()), "0-9", ""},
	} {
		t.Run(name, func(t *testing.T) {
			settled, moving := c.survey.settled("a", 7, "", 0), c.survey.settled("a", 7, "b", 8)
			assert.Equal(t, c.want, settled.String())
			assert.Equal(t, c.moving, moving.String())
		})
	}
}

func TestSpanJudge(t *testing.T) {
	type want struct {
		done, wait string
		again      map[string]error
		doubts     error
	}
	good := func() *survey { return surveyOf(1, ownerOf("a", 7, "0-9"), ownerOf("b", 8, "10-19")) }
	moving := func() *survey {
		return surveyOf(1, ownerOf("a", 7, "0-9").marks(map[uint16]string{3: "b", 4: "b"}, nil), ownerOf("b", 8, "10-19"))
	}
	for name, c := range map[string]struct {
		before, after *survey
		slots         string
		target        string
		want          want
	}{
		"nothing happened": {good(), good(), "0-9", "", want{done: "0-9"}},
		"some of them":     {good(), good(), "2-3", "", want{done: "2-3"}},
		"not settled before": {
			surveyOf(1, ownerOf("a", 7, "0-9").marks(map[uint16]string{3: "b"}, nil), ownerOf("b", 8, "10-19")), good(), "0-9", "",
			want{done: "0-2,4-9", again: map[string]error{"3": errNotAsked}},
		},
		"nobody asked before": {surveyOf(1), good(), "0-9", "", want{again: map[string]error{"0-9": errNotAsked}}},
		"somebody silent before": {
			good().without(errTest), good(), "0-9", "", want{again: map[string]error{"0-9": errNotAsked}},
		},
		"somebody silent after": {good(), good().without(errTest), "0-9", "", want{wait: "0-9", doubts: errNotAsked}},
		"not all agree":         {good(), good().disputing(t, "3-4,77"), "0-9", "", want{done: "0-2,5-9", wait: "3-4", doubts: errDisputed}},
		"moved":                 {good(), surveyOf(2, ownerOf("a", 7, "0-4"), ownerOf("b", 9, "5-19")), "0-9", "", want{done: "0-4", again: map[string]error{"5-9": errMoved}}},
		"another epoch":         {good(), surveyOf(2, ownerOf("a", 9, "0-9")), "0-9", "", want{again: map[string]error{"0-9": errEpoch}}},
		"moved, and another epoch": {
			good(), surveyOf(2, ownerOf("a", 9, "0-4")), "0-9", "",
			want{again: map[string]error{"5-9": errMoved, "0-4": errEpoch}},
		},
		"down":           {good(), surveyOf(2, ownerOf("a", 7, "0-9").down()), "0-9", "", want{again: map[string]error{"0-9": errNodeDown}}},
		"no master more": {good(), surveyOf(2, ownerOf("b", 8, "0-19")), "0-9", "", want{again: map[string]error{"0-9": errDemoted}}},
		"no master more, and others don't agree": {
			good(), surveyOf(2, ownerOf("b", 8, "4-19")).disputing(t, "0-3"), "0-9", "",
			want{wait: "0-3", doubts: errDisputed, again: map[string]error{"4-9": errDemoted}},
		},
		"opened": {good(), moving(), "0-9", "", want{done: "0-2,5-9", again: map[string]error{"3-4": errMigrating}}},
		"the owner imports it": {
			good(), surveyOf(2, ownerOf("a", 7, "0-9").marks(nil, map[uint16]string{3: "b"})), "0-9", "",
			want{done: "0-2,4-9", again: map[string]error{"3": errMigrating}},
		},
		"marks of others are of no matter": {
			good(), surveyOf(2, ownerOf("a", 7, "0-9"), ownerOf("b", 8, "10-19").marks(nil, map[uint16]string{3: "a"})), "0-9", "",
			want{done: "0-9"},
		},

		"open, both times": {moving(), moving(), "3-4", "b", want{done: "3-4"}},
		"open, then done":  {moving(), good(), "3-4", "b", want{again: map[string]error{"3-4": errMarkChanged}}},
		"open, then moved": {moving(), surveyOf(2, ownerOf("a", 7, "0-2,4-9"), ownerOf("b", 9, "3,10-19")), "3", "b", want{again: map[string]error{"3": errMoved}}},
		"open to another one": {
			moving(), surveyOf(2, ownerOf("a", 7, "0-9").marks(map[uint16]string{3: "c", 4: "b"}, nil), ownerOf("b", 8, "10-19"), ownerOf("c", 3, "")), "3-4", "b",
			want{done: "4", again: map[string]error{"3": errMarkChanged}},
		},
		"open, the target's epoch": {
			moving(), surveyOf(2, ownerOf("a", 7, "0-9").marks(map[uint16]string{3: "b", 4: "b"}, nil), ownerOf("b", 9, "10-19")), "3-4", "b",
			want{again: map[string]error{"3-4": errMarkChanged}},
		},
		"open, the source's epoch": {
			moving(), surveyOf(2, ownerOf("a", 8, "0-9").marks(map[uint16]string{3: "b", 4: "b"}, nil), ownerOf("b", 8, "10-19")), "3-4", "b",
			want{again: map[string]error{"3-4": errEpoch}},
		},
		"open, the target is no master more": {
			moving(), surveyOf(2, ownerOf("a", 7, "0-9").marks(map[uint16]string{3: "b", 4: "b"}, nil)), "3-4", "b",
			want{again: map[string]error{"3-4": errMarkChanged}},
		},
		"open, not before": {good(), moving(), "3-4", "b", want{again: map[string]error{"3-4": errNotAsked}}},
	} {
		t.Run(name, func(t *testing.T) {
			sp := span{slots: ranges(t, c.slots), before: c.before, after: 1, owner: "a", epoch: 7, target: c.target}
			if c.target != "" {
				sp.targetEpoch = 8
			}
			v := sp.judge(c.after)
			assert.Equal(t, c.want.done, v.done.String(), "done")
			assert.Equal(t, c.want.wait, v.wait.String(), "wait")
			if c.want.doubts == nil {
				require.NoError(t, v.doubts)
			} else {
				require.ErrorIs(t, v.doubts, c.want.doubts)
			}
			again := map[string]error{}
			all := v.done.Union(v.wait)
			total := v.done.Len() + v.wait.Len()
			for _, r := range v.again {
				again[r.Slots.String()] = r.Err
				all = all.Union(r.Slots)
				total += r.Slots.Len()
			}
			if c.want.again == nil {
				c.want.again = map[string]error{}
			}
			assert.Equal(t, c.want.again, again)
			assert.Equal(t, sp.slots, all, "all slots have a verdict")
			assert.Equal(t, sp.slots.Len(), total, "one each")
		})
	}
}
