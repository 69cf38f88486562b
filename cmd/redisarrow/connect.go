package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/pflag"

	"github.com/redisarrow/redisarrow/cluster"
)

// passwordVariable is the environment variable with the password.
const passwordVariable = "REDISARROW_PASSWORD"

// connectFlags say where the cluster is and how to get in.
type connectFlags struct {
	urls               []string
	user, passwordFile string
	tls                bool
	caFile             string
	cert, keyFile      string
	serverName         string
	sentinel           sentinelFlags
}

func (f *connectFlags) register(fs *pflag.FlagSet) {
	// Not a StringSlice: a comma may be part of a password.
	fs.StringArrayVar(&f.urls, "url", nil, "`URL` of any node, such as redis://user:password@node1:7000, or rediss:// for TLS; or of a single server, with /2 for a database, or unix:///run/redis.sock; given again, further nodes to try (required)")
	fs.StringVar(&f.user, "user", "", "ACL user, by `NAME`")
	fs.StringVar(&f.passwordFile, "password-file", "", "`FILE` with the password; without it the URL's, else that of "+passwordVariable)
	fs.BoolVar(&f.tls, "tls", false, "use TLS, as rediss:// does")
	fs.StringVar(&f.caFile, "cacert", "", "`FILE` with the certificate authorities to trust in place of the system's (PEM)")
	fs.StringVar(&f.cert, "cert", "", "`FILE` with the client's certificate (PEM)")
	fs.StringVar(&f.keyFile, "key-file", "", "`FILE` with the key of the client's certificate (PEM)")
	fs.StringVar(&f.serverName, "server-name", "", "`NAME` that the servers' certificates are for, if not their hosts'")
	f.sentinel.register(fs)
}

// options checks the flags and reads the files they name.
func (f *connectFlags) options(s *secrets) (cluster.Options, error) {
	for _, u := range f.urls {
		s.addURL(u)
	}
	if len(f.urls) == 0 {
		return cluster.Options{}, usagef("--url is missing: give that of any node, such as redis://node1:7000")
	}
	password, err := f.password()
	if err != nil {
		return cluster.Options{}, err
	}
	s.add(password)
	config, err := f.tlsConfig()
	if err != nil {
		return cluster.Options{}, err
	}
	options := cluster.Options{URLs: f.urls, Username: f.user, Password: password, TLSConfig: config}
	return options, f.sentinel.add(&options, s)
}

// password is the one to use in place of the URLs'; empty if theirs is it, or
// if there is none. The passwords in the URLs of Sentinels are the Sentinels'.
func (f *connectFlags) password() (string, error) {
	var urls []string
	if !f.sentinel.named(f.urls) {
		urls = f.urls
	}
	return passwordOf("--password-file", f.passwordFile, passwordVariable, urls)
}

// passwordOf is what stands in a file, else nothing if one of the URLs has a
// password, else what stands in an environment variable.
func passwordOf(flag, file, variable string, urls []string) (string, error) {
	if file == "" {
		if slices.ContainsFunc(urls, hasPassword) {
			return "", nil
		}
		return os.Getenv(variable), nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", usagef("%s: %w", flag, err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if text == "" {
		return "", usagef("%s: %s is empty", flag, file)
	}
	return text, nil
}

func hasPassword(text string) bool {
	if !strings.Contains(text, "://") {
		text = "redis://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return false // Connect says what is wrong with it
	}
	password, ok := u.User.Password()
	return ok && password != ""
}

// dial connects; options are those of [connectFlags.options].
func dial(ctx context.Context, options cluster.Options) (redis.UniversalClient, error) {
	rdb, err := cluster.Connect(ctx, options)
	if errors.Is(err, cluster.ErrOptions) {
		return nil, &usageError{err}
	}
	return rdb, err
}
