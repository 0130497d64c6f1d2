package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"tandem/images/layout"
)

// Manifest names every component of an image. It is stored in the image and
// beside it as JSON.
type Manifest struct {
	Image      string      `json:"image"` // board
	Version    string      `json:"version"`
	Built      string      `json:"built"` // RFC 3339
	Components []Component `json:"components"`
}

// Component is one thing that an image is made of.
type Component struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"` // "debian-package", "program", "go-module", "go-toolchain"
	Version string `json:"version"`
	Licence string `json:"licence"` // SPDX expression
	Source  string `json:"source,omitempty"`
	Hash    string `json:"hash"` // "sha256:<hex>", or "h1:<base64>" as in go.sum
}

// licences of what comes from Debian, by the beginning of the package's name.
var licences = map[string]string{
	debKernel:    "GPL-2.0-only WITH Linux-syscall-note",
	debFsck:      "GPL-2.0-only AND LGPL-2.0-only AND BSD-3-Clause",
	debGrubBIOS:  "GPL-3.0-or-later",
	debGrubAMD64: "GPL-3.0-or-later",
	debGrubARM64: "GPL-3.0-or-later",
	debPi:        "LicenseRef-Broadcom-redistributable",
	debUBoot:     "GPL-2.0-or-later",
}

// manifest lists the components, sorted by kind and name.
func manifest(ctx context.Context, o Options, p parts) (Manifest, error) {
	m := Manifest{Image: o.Board.Name, Version: o.Version, Built: o.Time.UTC().Format("2006-01-02T15:04:05Z")}
	for _, name := range slices.Sorted(maps.Keys(p.debs)) {
		d := p.debs[name]
		source, err := debSource(ctx, d)
		if err != nil {
			return Manifest{}, err
		}
		m.Components = append(m.Components, Component{Name: d.Name, Kind: "debian-package", Version: d.Version,
			Licence: licences[name], Source: source, Hash: "sha256:" + d.SHA256})
	}
	seen := map[string]bool{}
	programs, err := o.programs()
	if err != nil {
		return Manifest{}, err
	}
	for _, path := range slices.Sorted(maps.Keys(programs)) {
		for _, c := range programComponents(ctx, o, path, programs[path]) {
			if !seen[c.Kind+c.Name] {
				seen[c.Kind+c.Name] = true
				m.Components = append(m.Components, c)
			}
		}
	}
	slices.SortStableFunc(m.Components, func(a, b Component) int {
		return strings.Compare(a.Kind+" "+a.Name, b.Kind+" "+b.Name)
	})
	return m, nil
}

// debSource names the source package and version, which Debian keeps for ever.
func debSource(ctx context.Context, d deb) (string, error) {
	out, err := exec.CommandContext(ctx, "dpkg-deb", "-f", d.path, "Source").Output()
	if err != nil {
		return "", fmt.Errorf("dpkg-deb -f %s: %w", d.Name, err)
	}
	source := strings.TrimSpace(string(out))
	if source == "" {
		source = d.Name
	}
	if !strings.Contains(source, "(") {
		source += " (" + d.Version + ")"
	}
	return "Debian source package " + source, nil
}

// programs returns every program of the image that we build, by its path there.
func (o Options) programs() (map[string][]byte, error) {
	all := map[string][]byte{}
	for path, name := range o.Binaries {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("program for %s: %w", path, err)
		}
		if path == layout.Init && o.Debug != nil {
			path = realInit
		}
		all[path] = data
	}
	if o.Debug == nil {
		return all, nil
	}
	tools, err := o.Debug.files()
	for _, f := range tools {
		if f.Link == "" && f.Path != layout.DebugMarker {
			all[f.Path] = f.Data
		}
	}
	return all, err
}

// programComponents lists one of our programs and the Go modules inside it.
func programComponents(ctx context.Context, o Options, path string, data []byte) []Component {
	sum := sha256.Sum256(data)
	list := []Component{{Name: path, Kind: "program", Version: o.Version, Licence: "NOASSERTION", Hash: "sha256:" + hex.EncodeToString(sum[:])}}
	info, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil {
		return list // not a Go program: its file is all there is to say
	}
	list[0].Source = info.Path
	list[0].Licence = "LicenseRef-Tandem"
	if len(info.Deps) == 0 && !strings.HasPrefix(info.Path, "tandem/") {
		// u-root's commands, rewritten into one program: its parts are not recorded in it.
		list[0].Licence, list[0].Source = "BSD-3-Clause", "u-root, with the modules of images/debug/go.sum"
	}
	list = append(list, Component{Name: "go", Kind: "go-toolchain", Version: info.GoVersion, Licence: "BSD-3-Clause",
		Source: "standard library and runtime", Hash: "none"})
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		list = append(list, Component{Name: d.Path, Kind: "go-module", Version: d.Version,
			Licence: moduleLicence(ctx, d.Path, d.Version), Source: "https://" + d.Path, Hash: d.Sum})
	}
	return list
}

// moduleLicence looks into the module cache for the text of a module's licence.
func moduleLicence(ctx context.Context, path, version string) string {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", path+"@"+version).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		return "NOASSERTION"
	}
	files, _ := filepath.Glob(filepath.Join(dir, "[LC][IO][CP][EY][NI][SN]*")) // LICENSE, LICENCE, COPYING; the pattern is good
	for _, name := range files {
		if text, err := os.ReadFile(name); err == nil {
			return licenceOf(string(text))
		}
	}
	return "NOASSERTION"
}

// licenceWords tell the licences of Go modules apart, most particular first.
var licenceWords = []struct{ spdx, words string }{
	{"Apache-2.0", "Apache License Version 2.0"},
	{"MPL-2.0", "Mozilla Public License"},
	{"BSD-3-Clause", "Neither the name"},
	{"BSD-3-Clause", "may not be used to endorse or promote"},
	{"BSD-2-Clause", "Redistribution and use in source and binary forms"},
	{"ISC", "Permission to use, copy, modify, and/or distribute"},
	{"MIT", "Permission is hereby granted, free of charge"},
	{"GPL", "GNU GENERAL PUBLIC LICENSE"},
}

var spaces = regexp.MustCompile(`\s+`)

func licenceOf(text string) string {
	text = strings.ToLower(spaces.ReplaceAllString(text, " "))
	for _, l := range licenceWords {
		if strings.Contains(text, strings.ToLower(l.words)) {
			return l.spdx
		}
	}
	return "NOASSERTION"
}

// JSON is the manifest as it is stored.
func (m Manifest) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", "\t")
	return append(data, '\n'), err
}
