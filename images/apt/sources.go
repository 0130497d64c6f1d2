package apt

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Source is one mirror and what is taken from it.
type Source struct {
	URI        string
	Suites     []string
	Components []string
	signedBy   string
}

// components hold everything that images need; the Pi's start files are in the
// second one.
var components = []string{"main", "non-free-firmware"}

// Host returns the mirrors that this host's apt is configured for, turned to
// the wanted suite.
func Host(suite string) ([]Source, error) {
	own, err := hostSuite("/etc/os-release")
	if err != nil {
		return nil, err
	}
	return hostSources("/etc/apt", own, suite)
}

// hostSuite reads the name of the host's Debian release.
func hostSuite(name string) (string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("%w; name a mirror with -mirror", err)
	}
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(line, "VERSION_CODENAME="); ok {
			return strings.Trim(v, "\"'\n"), nil
		}
	}
	return "", fmt.Errorf("%s names no Debian release; name a mirror with -mirror", name)
}

// hostSources reads the Debian mirrors that a host is configured for, from a
// directory like /etc/apt, and turns them to the wanted suite. own is the
// host's suite (VERSION_CODENAME of /etc/os-release). Third-party repositories
// are left out: their suites or keys are not Debian's.
func hostSources(dir, own, suite string) ([]Source, error) {
	files, err := filepath.Glob(filepath.Join(dir, "sources.list.d", "*"))
	if err != nil {
		return nil, fmt.Errorf("apt sources: %w", err)
	}
	files = append([]string{filepath.Join(dir, "sources.list")}, files...)
	var found []Source
	for _, name := range files {
		parse := map[string]func(io.Reader) []Source{".list": parseList, ".sources": parseDeb822}[filepath.Ext(name)]
		if parse == nil {
			continue
		}
		f, err := os.Open(name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("apt sources: %w", err)
		}
		found = append(found, parse(f)...)
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("apt sources: %w", err)
		}
	}
	list := debian(found, own, suite)
	if len(list) == 0 {
		return nil, fmt.Errorf("no Debian mirror of suite %q is configured under %s; name one with -mirror URL (and the one for security updates with a second -mirror)", own, dir)
	}
	return list, nil
}

// MirrorSources takes the mirrors from the command line. One whose address
// ends in "security" holds the security suite, any other the main ones.
func MirrorSources(mirrors []string, suite string) []Source {
	var list []Source
	for _, uri := range mirrors {
		suites := []string{suite, suite + "-updates"}
		if strings.HasSuffix(strings.TrimRight(uri, "/"), "security") {
			suites = []string{suite + "-security"}
		}
		list = append(list, Source{URI: uri, Suites: suites, Components: components})
	}
	return list
}

// debian keeps what is Debian's own and renames its suites.
func debian(found []Source, own, suite string) []Source {
	var list []Source
	for _, s := range found {
		if !slices.Contains(s.Components, "main") {
			continue
		}
		if s.signedBy != "" && !strings.Contains(s.signedBy, "debian-archive") {
			continue
		}
		var suites []string
		for _, name := range s.Suites {
			for _, tail := range []string{"", "-updates", "-security"} {
				if name == own+tail || name == "stable"+tail {
					suites = append(suites, suite+tail)
				}
			}
		}
		if len(suites) > 0 {
			list = append(list, Source{URI: s.URI, Suites: suites, Components: components})
		}
	}
	return list
}

// parseList reads the one-line format: deb [options] uri suite component...
func parseList(r io.Reader) []Source {
	var list []Source
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !ok {
			continue
		}
		var s Source
		rest = strings.TrimSpace(rest)
		if strings.HasPrefix(rest, "[") {
			options, after, ok := strings.Cut(rest[1:], "]")
			if !ok {
				continue
			}
			for _, o := range strings.Fields(options) {
				if v, ok := strings.CutPrefix(o, "signed-by="); ok {
					s.signedBy = v
				}
			}
			rest = after
		}
		words := strings.Fields(rest)
		if len(words) < 3 {
			continue
		}
		s.URI, s.Suites, s.Components = words[0], words[1:2], words[2:]
		list = append(list, s)
	}
	return list
}

// parseDeb822 reads paragraphs of fields; one paragraph may name several
// addresses.
func parseDeb822(r io.Reader) []Source {
	var list []Source
	fields := map[string]string{}
	flush := func() {
		types := strings.Fields(fields["types"])
		if slices.Contains(types, "deb") && !strings.EqualFold(fields["enabled"], "no") {
			for _, uri := range strings.Fields(fields["uris"]) {
				list = append(list, Source{
					URI:        uri,
					Suites:     strings.Fields(fields["suites"]),
					Components: strings.Fields(fields["components"]),
					signedBy:   fields["signed-by"],
				})
			}
		}
		fields = map[string]string{}
	}
	last := ""
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			flush()
		case line[0] == ' ' || line[0] == '\t':
			fields[last] += " " + strings.TrimSpace(line)
		default:
			key, value, _ := strings.Cut(line, ":")
			last = strings.ToLower(key)
			fields[last] = strings.TrimSpace(value)
		}
	}
	flush()
	return list
}
