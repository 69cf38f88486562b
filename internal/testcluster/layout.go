package testcluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Layout is a way of setting a server's cluster up for tests. All have three masters.
type Layout struct {
	Name   string
	Config Config // but for the server, and for what goes by Least

	// Least makes the default user ask for a password, and adds the user of README's ACL rule, who may do what a scan
	// needs and nothing else: [Deployment.Reader] comes in as this user.
	Least bool
}

// The ways of setting servers up: tests run on each server in each of them, see [Everywhere].
var (
	Masters  = Layout{Name: "masters"}
	Replicas = Layout{Name: "replicas", Config: Config{Replicas: 1}}
	Secured  = Layout{Name: "TLS-ACL", Config: Config{TLS: true, RequireClientCert: true}, Least: true}

	layouts = []Layout{Masters, Replicas, Secured}
)

// config is the whole configuration of a server in the layout; user is by whom readers come in.
func (l Layout) config(server Server) (config Config, user User, err error) {
	config = l.Config
	config.Server = server
	if l.Least {
		if user, err = LeastUser(); err != nil {
			return config, user, err
		}
		config.Password = "s3cret"
		config.Users = append(config.Users, user.Rule)
	}
	return config, user, nil
}

// User is an ACL user.
type User struct {
	Name, Password string
	Rule           string // what follows ACL SETUSER: the name, and what the user may do
}

// As is a user of another name, with the same rights.
func (u User) As(name, password string) User {
	rights := strings.TrimPrefix(u.Rule, u.Name+" on >"+u.Password+" ")
	return User{Name: name, Password: password, Rule: name + " on >" + password + " " + rights}
}

var (
	setUser  = regexp.MustCompile(`(?m)^ACL SETUSER (.+)$`)
	password = regexp.MustCompile(` >(\S+)`)
)

// LeastUser is the user that README.md tells to make for scanning: what it may do is read there, so that a test with
// this user shows that README is right. It looks for the README beside go.mod, above the working folder.
func LeastUser() (User, error) {
	dir, err := os.Getwd()
	if err != nil {
		return User{}, fmt.Errorf("testcluster: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return User{}, errors.New("testcluster: the working folder is in no module")
		}
		dir = parent
	}
	text, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		return User{}, fmt.Errorf("testcluster: %w", err)
	}
	rules := setUser.FindAllStringSubmatch(string(text), -1)
	if len(rules) != 1 {
		return User{}, fmt.Errorf("testcluster: README.md has %d lines ACL SETUSER instead of one", len(rules))
	}
	rule := strings.TrimSpace(rules[0][1])
	secret := password.FindStringSubmatch(rule)
	if secret == nil {
		return User{}, fmt.Errorf("testcluster: README.md's ACL rule has no password: %s", rule)
	}
	name, _, _ := strings.Cut(rule, " ")
	user := User{Name: name, Password: secret[1], Rule: rule}
	if !strings.HasPrefix(rule, name+" on >"+user.Password+" ") {
		return User{}, fmt.Errorf("testcluster: README.md's ACL rule doesn't begin with NAME on >PASSWORD: %s", rule)
	}
	return user, nil
}

// ReaderOptions are for a client that scans: as [Cluster.ClusterOptions], or as the user of [Layout.Least].
func (d *Deployment) ReaderOptions() *redis.ClusterOptions {
	o := d.ClusterOptions()
	if d.Layout.Least {
		o.Username, o.Password = d.User.Name, d.User.Password
	}
	return o
}
