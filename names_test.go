package redisarrow_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// private are the folders whose packages nobody else can import, or needs to.
var private = regexp.MustCompile(`^(internal|cmd|bench|examples|\..*)$`)

// publicPackages are the folders of the others, those of modules below this one
// included.
func publicPackages(t *testing.T) (dirs []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && private.MatchString(entry.Name()):
			return fs.SkipDir
		case entry.Name() == "doc.go":
			dirs = append(dirs, filepath.ToSlash(filepath.Dir(path)))
		}
		return nil
	}))
	require.Subset(t, dirs, []string{".", "schema", "convert", "cluster", "iterator", "arrowutil", "arrowutil/parquet", "iterator/oteliterator"})
	return dirs
}

// parseFolder is the code of a folder's package, and that of its tests.
func parseFolder(t *testing.T, dir string) (fset *token.FileSet, code, tests []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	fset = token.NewFileSet()
	for _, path := range paths {
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		require.NoError(t, err)
		if strings.HasSuffix(path, "_test.go") {
			tests = append(tests, file)
		} else {
			code = append(code, file)
		}
	}
	return fset, code, tests
}

// Every exported name has a comment: packages, types, functions, methods,
// constants and variables, fields of structs, methods of interfaces. One of a
// group counts for all of it that follows without a blank line.
func TestNamesAreDocumented(t *testing.T) {
	t.Parallel()
	for _, dir := range publicPackages(t) {
		fset, code, _ := parseFolder(t, dir)
		for _, bare := range undocumented(fset, code) {
			assert.Fail(t, "no comment", bare)
		}
	}
}

// undocumented are the places and names that lack a comment.
func undocumented(fset *token.FileSet, files []*ast.File) (bare []string) {
	report := func(name *ast.Ident) { bare = append(bare, fset.Position(name.Pos()).String()+": "+name.Name) }
	hasPackage := false
	for _, file := range files {
		hasPackage = hasPackage || file.Doc != nil
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && d.Doc == nil {
					report(d.Name)
				}
			case *ast.GenDecl:
				undocumentedSpecs(fset, d, report)
			}
		}
	}
	if !hasPackage && len(files) > 0 {
		report(files[0].Name)
	}
	return bare
}

func undocumentedSpecs(fset *token.FileSet, d *ast.GenDecl, report func(*ast.Ident)) {
	var group run
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.ValueSpec:
			documented := group.documented(fset, s, s.Doc, s.Comment) || d.Doc != nil
			for _, name := range s.Names {
				if name.IsExported() && !documented {
					report(name)
				}
			}
		case *ast.TypeSpec:
			if !s.Name.IsExported() {
				continue
			}
			if s.Doc == nil && d.Doc == nil && s.Comment == nil {
				report(s.Name)
			}
			undocumentedMembers(fset, s.Type, report)
		}
	}
}

func undocumentedMembers(fset *token.FileSet, of ast.Expr, report func(*ast.Ident)) {
	var members *ast.FieldList
	switch x := of.(type) {
	case *ast.StructType:
		members = x.Fields
	case *ast.InterfaceType:
		members = x.Methods
	default:
		return
	}
	var group run
	for _, m := range members.List {
		documented := group.documented(fset, m, m.Doc, m.Comment)
		for _, name := range m.Names {
			if name.IsExported() && !documented {
				report(name)
			}
		}
		undocumentedMembers(fset, m.Type, report)
	}
}

// run says of lines that follow each other whether a comment is above them.
type run struct {
	line  int // the last one
	above bool
}

func (r *run) documented(fset *token.FileSet, n ast.Node, docs, comment *ast.CommentGroup) bool {
	begin := fset.Position(n.Pos()).Line
	r.above = docs != nil || r.above && begin == r.line+1
	r.line = fset.Position(n.End()).Line
	return r.above || comment != nil
}

// exportedReceiver reports whether go doc shows a function: it is no method, or
// one of a type that is exported.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	receiver := d.Recv.List[0].Type
	for {
		switch x := receiver.(type) {
		case *ast.StarExpr:
			receiver = x.X
		case *ast.IndexExpr:
			receiver = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// withoutExample are functions that need none, and why.
var withoutExample = map[string]string{
	"convert.ParseBool":        "as ParseInt64: text in, value out",
	"convert.ParseDate":        "as ParseInt64",
	"convert.ParseFloat64":     "as ParseInt64",
	"convert.ParseUint64":      "as ParseInt64",
	"parquet.ParseCompression": "as arrowutil.ParseCompression",
}

// arguments are results that are made to be given to another function at once:
// that one's examples show them.
var arguments = []string{"Column", "TimestampOption", "Option"}

// Every function that somebody begins with has an example, which is run: all
// exported functions but the methods, those that make an argument of another
// one, and those named above. The example of a type is one of what makes it.
func TestEntryPointsHaveExamples(t *testing.T) {
	t.Parallel()
	exempt := []string{}
	for _, dir := range publicPackages(t) {
		fset, code, tests := parseFolder(t, dir)
		examples := map[string]bool{}
		for _, e := range doc.Examples(tests...) {
			assert.True(t, e.Output != "" || e.EmptyOutput, "%s: Example%s isn't run: it lacks an Output", dir, e.Name)
			name, _, _ := strings.Cut(e.Name, "_")
			examples[name] = true
		}
		p, err := doc.NewFromFiles(fset, code, module+"/"+dir)
		require.NoError(t, err)
		check := func(f *doc.Func, made string) {
			name := p.Name + "." + f.Name
			switch {
			case withoutExample[name] != "":
				exempt = append(exempt, name)
				assert.False(t, examples[f.Name], "%s has one after all", name)
			case examples[f.Name] || examples[made] || slices.Contains(arguments, made) && !strings.HasPrefix(f.Name, "Parse"):
			default:
				assert.Fail(t, "no example", "%s of %s", name, dir)
			}
		}
		for _, f := range p.Funcs {
			check(f, "")
		}
		for _, made := range p.Types {
			for _, f := range made.Funcs {
				check(f, made.Name)
			}
		}
	}
	for name := range withoutExample {
		assert.Contains(t, exempt, name, "it isn't there")
	}
}

// The test itself would notice.
func TestUndocumented(t *testing.T) {
	t.Parallel()
	const code = `package p

type A struct{ B int } // a comment

// C has one.
type C struct {
	D int // so has this

	E int
	// F and what follows.
	F int
	G int

	H int
	i int
}

func (C) J() {}
func (c) K() {}

// Ls.
const (
	L = 1
	M = 2
)

var N = 1

const (
	// O is something.
	O = 1
	P = 2

	Q = 3
)

// R is an interface.
type R interface {
	S()
	// T does it.
	T()
}
`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", code, parser.ParseComments)
	require.NoError(t, err)
	var names []string
	for _, bare := range undocumented(fset, []*ast.File{file}) {
		names = append(names, bare[strings.LastIndex(bare, " ")+1:])
	}
	assert.Equal(t, []string{"B", "E", "H", "J", "N", "Q", "S", "p"}, names)
}
