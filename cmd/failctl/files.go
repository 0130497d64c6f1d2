package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"tandem/failover/conf"
	"tandem/failover/daemon"
	"tandem/failover/store"
)

func oneFile(what string, args []string) (string, error) {
	if len(args) != 1 {
		return "", usageError(what)
	}
	return args[0], nil
}

// checkConf says everything that is wrong with a configuration.
func checkConf(out *output, _ options, args []string) error {
	file, err := oneFile("conf check takes one file", args)
	if err != nil {
		return err
	}
	cfg, list := conf.Load(file, daemon.ReadConf)
	if out.json {
		if err := printDiagnostics(out, list); err != nil {
			return err
		}
	} else {
		if err := conf.Format(out, list); err != nil {
			return err
		}
	}
	if cfg == nil {
		return errBad
	}
	if !out.json {
		fmt.Fprintf(out, "%s: good\n", file)
	}
	return nil
}

// finding is a diagnostic as JSON.
type finding struct {
	File        string `json:"file"`
	Line        int    `json:"line"`
	Column      int    `json:"column"`
	Severity    string `json:"severity"`
	Unsupported bool   `json:"unsupported,omitempty"`
	Message     string `json:"message"`
	Remedy      string `json:"remedy,omitempty"`
}

var severities = map[conf.Severity]string{conf.Error: "error", conf.Warning: "warning", conf.Notice: "notice"}

func printDiagnostics(out *output, list []conf.Diagnostic) error {
	found := make([]finding, 0, len(list))
	for _, d := range list {
		found = append(found, finding{d.Pos.File, d.Pos.Line, d.Pos.Col, severities[d.Severity], d.Unsupported, d.Message, d.Remedy})
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(found)
}

// printConf writes a configuration in canonical form.
func printConf(out *output, _ options, args []string) error {
	file, err := oneFile("conf print takes one file", args)
	if err != nil {
		return err
	}
	tree, list := conf.Parse(file, daemon.ReadConf)
	bad := tree == nil
	for _, d := range list {
		bad = bad || d.Severity == conf.Error
	}
	if err := conf.Format(out.errors, list); err != nil {
		return err
	}
	if bad {
		return errBad
	}
	return tree.Print(out)
}

// directory checks that args is one directory that exists, so that a typing
// error does not look like an empty store.
func directory(what string, args []string) (store.FS, error) {
	dir, err := oneFile(what, args)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is no directory: name the one that dhcpfd has after -lf", dir)
	}
	return store.OSDir(dir), nil
}

// checkLog reads a lease store and says what is there.
func checkLog(out *output, _ options, args []string) error {
	fs, err := directory("log check takes one directory", args)
	if err != nil {
		return err
	}
	report, err := store.Check(fs)
	if out.json {
		if jerr := json.NewEncoder(out).Encode(report); jerr != nil {
			return jerr
		}
		return err
	}
	fmt.Fprintln(out, strings.Join(report.Lines(), "\n"))
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "good")
	return nil
}

func dumpLog(out *output, _ options, args []string) error {
	fs, err := directory("log dump takes one directory", args)
	if err != nil {
		return err
	}
	return store.Dump(fs, out)
}

// repairLog saves what can be saved of a damaged store.
func repairLog(out *output, _ options, args []string) error {
	fs, err := directory("log repair takes one directory", args)
	if err != nil {
		return err
	}
	report, err := store.Repair(fs)
	fmt.Fprintln(out, strings.Join(report.Lines(), "\n"))
	return err
}
