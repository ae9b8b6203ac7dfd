package runner

import (
	"debug/elf"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// CheckFolder returns why a folder cannot hold a function's package main, or nil. It reads no more than the package
// clauses: whether the package builds is the compiler's to say.
func CheckFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s: no such folder", dir)
	case err != nil:
		return fmt.Errorf("function's folder: %w", err)
	case !info.IsDir():
		return fmt.Errorf("%s is a file; name the folder of the function's package main", dir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return fmt.Errorf("function's folder: %w", err)
	}
	other := ""
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, _ := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly)
		if parsed == nil || parsed.Name == nil || parsed.Name.Name == "main" {
			return nil // a file that cannot be read is shown by the build, with its line
		}
		other = parsed.Name.Name
	}
	if other != "" {
		return fmt.Errorf("%s holds package %s; a function is a package main that calls lambda.Start", dir, other)
	}
	return fmt.Errorf("%s holds no Go files; name the folder of the function's package main", dir)
}

// checkBinary returns why a file cannot be run here, or nil.
func checkBinary(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s: no such file", path)
	case err != nil:
		return fmt.Errorf("function's binary: %w", err)
	case info.IsDir():
		return fmt.Errorf("%s is a folder; --binary names an executable", path)
	case runtime.GOOS != "windows" && info.Mode()&0o111 == 0:
		return fmt.Errorf("%s is not executable; chmod +x it", path)
	}
	machines := map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_386: "386"}
	file, err := elf.Open(path)
	if err != nil {
		return nil // a script, or another system's format: starting it tells
	}
	defer func() { _ = file.Close() }()
	if arch := machines[file.Machine]; arch != "" && (arch != runtime.GOARCH || runtime.GOOS != "linux") {
		return fmt.Errorf("%s is built for linux/%s, and this machine is %s/%s; leave --binary out to build it here",
			path, arch, runtime.GOOS, runtime.GOARCH)
	}
	return nil
}
