package main

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/redisarrow/redisarrow/cluster"
)

// sentinelPasswordVariable is the environment variable with the Sentinels'
// password.
const sentinelPasswordVariable = "REDISARROW_SENTINEL_PASSWORD"

// sentinelFlags say how to find a server by Sentinels, whose URLs are --url then.
type sentinelFlags struct{ master, user, passwordFile string }

func (f *sentinelFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.master, "sentinel-master", "", "`NAME` of the master that Sentinels watch; --url is that of Sentinels then, with their user and password in it, if they have any, while --user and the password are the server's")
	fs.StringVar(&f.user, "sentinel-user", "", "ACL user of the Sentinels, by `NAME`")
	fs.StringVar(&f.passwordFile, "sentinel-password-file", "", "`FILE` with the Sentinels' password; without it the URL's, else that of "+sentinelPasswordVariable)
}

// named reports whether the URLs are those of Sentinels.
func (f *sentinelFlags) named(urls []string) bool {
	for _, u := range urls {
		if strings.Contains(u, "master_name=") {
			return true
		}
	}
	return f.master != ""
}

// add completes the options.
func (f *sentinelFlags) add(options *cluster.Options, s *secrets) error {
	if !f.named(options.URLs) {
		if f.user != "" || f.passwordFile != "" {
			return usagef("--sentinel-user and --sentinel-password-file are for Sentinels: give --sentinel-master too, the name of the master that they watch")
		}
		return nil
	}
	password, err := passwordOf("--sentinel-password-file", f.passwordFile, sentinelPasswordVariable, options.URLs)
	if err != nil {
		return err
	}
	s.add(password)
	options.SentinelMaster, options.SentinelUsername, options.SentinelPassword = f.master, f.user, password
	return nil
}
