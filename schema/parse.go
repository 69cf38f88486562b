package schema

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// token is a part of the text form and where it begins.
type token struct {
	text   string
	offset int
}

// errorf is a mistake at the token, in the column named name.
func (t token) errorf(name, format string, args ...any) *Error {
	e := columnError(0, name, format, args...) // any index that isn't noColumn will do
	e.Item, e.Offset = t.text, t.offset
	return e
}

// parser reads the text form from left to right.
type parser struct {
	text string // valid UTF-8
	pos  int
}

// parseRow reads the columns of text and makes a row of them with build,
// whose mistakes get their place in the text.
func parseRow(text string, build func([]Column) (*row, *Error)) (*row, *Error) {
	columns, items, err := parseColumns(text)
	if err != nil {
		return nil, err
	}
	r, err := build(columns)
	switch {
	case err == nil:
	case err.index == noColumn:
		err.Offset = len(text)
	default:
		err.Item, err.Offset = items[err.index].text, items[err.index].offset
	}
	return r, err
}

// ParseField makes a data column of a name and a type in the text form, such
// as "timestamp[ms,UTC]". The error is an *[Error] with the place in
// typeText.
func ParseField(name, typeText string) (Column, error) {
	p := parser{text: typeText}
	if err := p.checkUTF8(); err != nil {
		return Column{}, err
	}
	p.skipSpace()
	column, err := p.columnType(name)
	if err != nil {
		return Column{}, err
	}
	whole := token{text: typeText}
	p.skipSpace()
	switch reason := column.check(); {
	case p.pos < len(typeText):
		return Column{}, p.rest().errorf(name, "the end was expected after the type")
	case column.kind != KindField:
		return Column{}, whole.errorf(name, "this is the type of a metadata column; known are %s", knownTypes())
	case reason != "":
		return Column{}, whole.errorf(name, "%s", reason)
	}
	return column, nil
}

// parseColumns reads a list of columns, none included, and where each stands.
func parseColumns(text string) (columns []Column, items []token, err *Error) {
	p := parser{text: text}
	if err := p.checkUTF8(); err != nil {
		return nil, nil, err
	}
	for p.skipSpace(); p.pos < len(text); {
		start := p.pos
		column, err := p.column()
		if err != nil {
			return nil, nil, err
		}
		columns = append(columns, column)
		items = append(items, token{text: strings.TrimRight(text[start:p.pos], space), offset: start})

		if p.skipSpace(); p.pos == len(text) {
			break
		}
		if !p.accept(',') {
			return nil, nil, p.rest().errorf(column.name, "a comma or the end was expected after the column's type")
		}
		if p.skipSpace(); p.pos == len(text) {
			return nil, nil, p.errorf("no column follows the comma")
		}
	}
	return columns, items, nil
}

// column reads NAME:TYPE.
func (p *parser) column() (Column, *Error) {
	name, err := p.name()
	if err != nil {
		return Column{}, err
	}
	p.skipSpace()
	if !p.accept(':') {
		if p.atItemEnd() {
			return Column{}, p.rest().errorf(name, "the type is missing: write %s:TYPE, TYPE being one of %s", formatName(name), knownTypes())
		}
		return Column{}, p.rest().errorf(name,
			`a colon and a type were expected after the name; a name of more than letters, digits and _.-/ is quoted, as in "odd name":utf8`)
	}
	p.skipSpace()
	return p.columnType(name)
}

// name reads a name, plain or quoted.
func (p *parser) name() (string, *Error) {
	if strings.HasPrefix(p.text[p.pos:], `"`) {
		name, end, bad, reason := unquoteName(p.text[p.pos:])
		p.pos += bad
		if reason != "" {
			return "", p.errorf("%s", reason)
		}
		p.pos += end
		return name, nil
	}
	name := p.takeUntil(notPlain)
	switch {
	case name.text != "":
		return name.text, nil
	case p.atItemEnd():
		return "", p.errorf("a column is missing here")
	default:
		return "", p.errorf(`a name was expected; one of more than letters, digits and _.-/ is quoted, as in "odd name":utf8, the empty name as ""`)
	}
}

// columnType reads WORD or WORD[PARAMETER,…] and makes the column of the
// type named name.
func (p *parser) columnType(name string) (Column, *Error) {
	word := p.takeUntil(notPlain)
	if word.text == "" {
		return Column{}, p.rest().errorf(name, "the type is missing: take one of %s", knownTypes())
	}
	params, err := p.params(name)
	if err != nil {
		return Column{}, err
	}
	p.skipSpace()
	t, ok := findType(word.text)
	switch {
	case strings.HasPrefix(p.text[p.pos:], ":"):
		return Column{}, p.rest().errorf(name, "a second colon: a name with a colon in it is quoted, as in %s:TYPE", quoteName(name+":"+word.text))
	case !ok:
		return Column{}, word.errorf(name, "unknown type %q: known are %s", shorten(word.text), knownTypes())
	case len(params) == 0 && t.needed:
		return Column{}, word.errorf(name, "%s needs its parameters: write %s", word.text, t.usage)
	case len(params) == 0:
		return t.column(name), nil
	case t.parse == nil:
		return Column{}, params[0].errorf(name, "%s takes no parameters", t.word)
	}
	return t.parse(name, params)
}

// params reads [PARAMETER,…] if there is one; a parameter isn't empty.
func (p *parser) params(name string) ([]token, *Error) {
	p.skipSpace()
	open := p.rest()
	if !p.accept('[') {
		return nil, nil
	}
	var params []token
	for {
		p.skipSpace()
		param := p.takeUntil(func(r rune) bool { return r == ',' || r == ']' || r == '[' })
		param.text = strings.TrimRight(param.text, space)
		switch {
		case param.text == "" && p.pos < len(p.text):
			return nil, p.rest().errorf(name, "a parameter of the type is missing here")
		case param.text != "":
			params = append(params, param)
		}
		switch {
		case p.accept(']'):
			return params, nil
		case !p.accept(','):
			return nil, open.errorf(name, "the closing bracket of the type's parameters is missing")
		}
	}
}

// space is what may stand around names, types and parameters.
const space = " \t\r\n"

func (p *parser) skipSpace() {
	p.pos = len(p.text) - len(strings.TrimLeft(p.text[p.pos:], space))
}

// accept steps over c if it comes next.
func (p *parser) accept(c byte) bool {
	if p.pos == len(p.text) || p.text[p.pos] != c {
		return false
	}
	p.pos++
	return true
}

// takeUntil steps over what comes before the first rune that stop is true of.
func (p *parser) takeUntil(stop func(rune) bool) token {
	t := token{text: p.text[p.pos:], offset: p.pos}
	if i := strings.IndexFunc(t.text, stop); i >= 0 {
		t.text = t.text[:i]
	}
	p.pos += len(t.text)
	return t
}

// atItemEnd reports whether a comma or the end comes next.
func (p *parser) atItemEnd() bool {
	return p.pos == len(p.text) || p.text[p.pos] == ','
}

// rest is what comes next, as far as it may belong to the same column; it is
// for messages.
func (p *parser) rest() token {
	t := token{text: p.text[p.pos:], offset: p.pos}
	if i := strings.IndexByte(t.text, ','); i >= 0 {
		t.text = t.text[:max(i, 1)] // the comma itself may be at fault
	}
	t.text = strings.TrimRight(t.text, space)
	return t
}

// errorf is a mistake at what comes next, in no column whose name is known.
func (p *parser) errorf(format string, args ...any) *Error {
	t := p.rest()
	return &Error{Reason: fmt.Sprintf(format, args...), Item: t.text, Offset: t.offset, index: noColumn}
}

func (p *parser) checkUTF8() *Error {
	if utf8.ValidString(p.text) {
		return nil
	}
	for i, r := range p.text {
		if r == utf8.RuneError && !strings.HasPrefix(p.text[i:], string(utf8.RuneError)) {
			p.pos = i
			break
		}
	}
	return p.errorf("the text isn't valid UTF-8")
}
