package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
)

// tlsConfig is nil where TLS is off, or is left to the URL's rediss://.
func (f *connectFlags) tlsConfig() (*tls.Config, error) {
	if (f.cert == "") != (f.keyFile == "") {
		return nil, usagef("--cert and --key-file belong together: give both")
	}
	secure := f.tls
	for _, u := range f.urls {
		secure = secure || strings.HasPrefix(u, "rediss://") || strings.HasPrefix(u, "valkeys://")
	}
	for _, flag := range []struct{ name, value string }{
		{"--cacert", f.caFile}, {"--cert", f.cert}, {"--server-name", f.serverName},
	} {
		if flag.value != "" && !secure {
			return nil, usagef("%s is of use with TLS only: add --tls, or write the URL with rediss://", flag.name)
		}
	}
	if !f.tls && f.caFile == "" && f.cert == "" && f.serverName == "" {
		return nil, nil
	}

	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: f.serverName}
	if f.caFile != "" {
		pool, err := readAuthorities(f.caFile)
		if err != nil {
			return nil, usagef("--cacert: %w", err)
		}
		config.RootCAs = pool
	}
	if f.cert != "" {
		cert, err := tls.LoadX509KeyPair(f.cert, f.keyFile)
		if err != nil {
			return nil, usagef("--cert, --key-file: %w", err)
		}
		config.Certificates = []tls.Certificate{cert}
	}
	return config, nil
}

func readAuthorities(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New(path + " holds no certificate in PEM form")
	}
	return pool, nil
}
