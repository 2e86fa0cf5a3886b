package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// TestExportedNamesAreDocumented holds the rule that every exported name of every package
// has a doc comment, and every package a package comment; generated files too.
func TestExportedNamesAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	packages := map[string]bool{}
	eachFile(t, func(pkg, file string) {
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		packages[pkg] = true
		documented[pkg] = documented[pkg] || parsed.Doc != nil
		for _, declared := range parsed.Decls {
			for _, name := range undocumented(declared) {
				t.Errorf("%s: exported %s has no doc comment", files.Position(declared.Pos()), name)
			}
		}
	})
	for pkg := range packages {
		if !documented[pkg] {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
}

// undocumented returns the exported names of a declaration that nothing describes: a
// comment above a group of constants or variables describes them all.
func undocumented(declared ast.Decl) []string {
	var names []string
	switch d := declared.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}
