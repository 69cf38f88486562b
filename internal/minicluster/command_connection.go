package minicluster

import (
	"crypto/subtle"
	"strings"
)

func connectionCommands() []command {
	return []command{
		{name: "HELLO", arity: -1, flags: open | control, run: (*session).hello},
		{name: "AUTH", arity: -2, flags: open, run: (*session).auth},
		{name: "QUIT", arity: -1, flags: open | control, run: func(s *session, _ [][]byte) {
			s.quit = true
			s.ok()
		}},
		{name: "PING", arity: -1, run: (*session).ping},
		{name: "ECHO", arity: 2, run: func(s *session, args [][]byte) { s.text(string(args[1])) }},
		{name: "SELECT", arity: 2, run: (*session).selectDB},
		{name: "CLIENT", arity: -2, run: (*session).client},
		{name: "READONLY", arity: 1, run: func(s *session, _ [][]byte) { s.clusterFlag(&s.readonly, true) }},
		{name: "READWRITE", arity: 1, run: func(s *session, _ [][]byte) { s.clusterFlag(&s.readonly, false) }},
		{name: "ASKING", arity: 1, run: func(s *session, _ [][]byte) { s.clusterFlag(&s.asking, true) }},
	}
}

const errNoCluster = "ERR This instance has cluster support disabled"

func (s *session) clusterFlag(flag *bool, on bool) {
	if s.c.cfg.Standalone {
		s.fail(errNoCluster)
		return
	}
	*flag = on
	s.ok()
}

// hello knows RESP2 only.
func (s *session) hello(args [][]byte) {
	if s.c.cfg.NoHello {
		s.fail(unknownCommand(args))
		return
	}
	rest := args[1:]
	if len(rest) > 0 {
		if string(rest[0]) != "2" {
			s.fail("NOPROTO unsupported protocol version")
			return
		}
		rest = rest[1:]
	}
	name := s.name
	for len(rest) > 0 {
		switch {
		case is(rest[0], "AUTH") && len(rest) >= 3:
			if !s.login(string(rest[1]), rest[2]) {
				return
			}
			rest = rest[3:]
		case is(rest[0], "SETNAME") && len(rest) >= 2:
			name = string(rest[1])
			rest = rest[2:]
		default:
			s.fail("ERR Syntax error in HELLO option '" + oneLine(rest[0]) + "'")
			return
		}
	}
	if !s.authed {
		s.fail("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
		return
	}
	s.name = name
	s.array(14)
	server, version := s.c.cfg.server()
	s.pair("server", server)
	s.pair("version", version)
	s.text("proto")
	s.int(2)
	s.text("id")
	s.int(int64(s.id))
	s.text("mode")
	s.text(s.c.mode())
	s.text("role")
	s.text(s.node.role())
	s.text("modules")
	s.array(0)
}

func (s *session) auth(args [][]byte) {
	switch len(args) {
	case 2:
		if s.c.cfg.Password == "" {
			s.fail("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
			return
		}
		if s.login("default", args[1]) {
			s.ok()
		}
	case 3:
		if s.login(string(args[1]), args[2]) {
			s.ok()
		}
	default:
		s.fail(errSyntax)
	}
}

// login replies the error itself.
func (s *session) login(user string, password []byte) bool {
	u, ok := s.c.cfg.Users[user]
	want := u.Password
	if user == "default" {
		// Without a password the default user is "nopass": any will do.
		ok, want = true, s.c.cfg.Password
		if want == "" {
			want = string(password)
		}
	}
	if !ok || subtle.ConstantTimeCompare([]byte(want), password) == 0 {
		s.fail("WRONGPASS invalid username-password pair or user is disabled.")
		return false
	}
	s.user, s.authed = user, true
	return true
}

func (s *session) ping(args [][]byte) {
	if len(args) > 1 {
		s.text(string(args[1]))
		return
	}
	s.simple("PONG")
}

func (s *session) selectDB(args [][]byte) {
	n, ok := s.number(args[1])
	switch {
	case !ok:
	case n < 0 || n >= databases:
		s.fail("ERR DB index is out of range")
	case n != 0 && !s.c.cfg.Standalone:
		s.fail("ERR SELECT is not allowed in cluster mode")
	default:
		s.db = int(n)
		s.ok()
	}
}

func (s *session) client(args [][]byte) {
	switch sub := strings.ToUpper(string(args[1])); {
	case sub == "SETNAME" && len(args) == 3:
		s.name = string(args[2])
		s.ok()
	case sub == "GETNAME" && len(args) == 2:
		if s.name == "" {
			s.null()
			return
		}
		s.text(s.name)
	case sub == "SETINFO" && len(args) == 4, sub == "NO-TOUCH" && len(args) == 3, sub == "NO-EVICT" && len(args) == 3:
		s.ok()
	case sub == "ID" && len(args) == 2:
		s.int(int64(s.id))
	default:
		// CLIENT MAINT_NOTIFICATIONS lands here, as on every server but the
		// managed ones that know it.
		s.fail("ERR unknown subcommand '" + oneLine(args[1]) + "'. Try CLIENT HELP.")
	}
}
