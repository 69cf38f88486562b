package main

import (
	"net/url"
	"strings"
)

// secrets are the passwords of this run. No package puts one into an error;
// this is the second lock on that door, for what a library underneath may say
// one day.
type secrets struct{ texts []string }

// minSecret: hiding shorter texts would tear holes into every line, and so
// give them away.
const minSecret = 4

func (s *secrets) add(text string) {
	if len(text) >= minSecret {
		s.texts = append(s.texts, text)
	}
}

// addURL adds the password of a URL, which may be malformed, in the ways in
// which it may be written.
func (s *secrets) addURL(text string) {
	_, rest, found := strings.Cut(text, "://")
	if !found {
		rest = text
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return
	}
	_, password, found := strings.Cut(rest[:at], ":")
	if !found {
		return
	}
	s.add(password)
	if plain, err := url.PathUnescape(password); err == nil {
		s.add(plain)
		s.add(url.QueryEscape(plain))
	}
}

func (s *secrets) hide(text string) string {
	for _, secret := range s.texts {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}
