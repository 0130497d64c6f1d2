package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/failover/daemon/control"
	"tandem/init/pair/config"
)

// checker plays dhcpfd: what has "wrong" in it is refused.
type checker struct{}

func (checker) Check(_ context.Context, dir string) error {
	raw, err := os.ReadFile(filepath.Join(dir, "dhcpd.conf"))
	if err == nil && bytes.Contains(raw, []byte("wrong")) {
		return errors.New("dhcpd.conf:1:1: this is wrong")
	}
	return err
}
func (checker) Reload(context.Context) error { return nil }
func (checker) Health(context.Context) error { return nil }

// box serves the words of a box without a partner.
func box(t *testing.T) (socket string) {
	t.Helper()
	dir := t.TempDir()
	k, err := config.Open(config.Options{Dir: filepath.Join(dir, "config"), Solo: true, Engine: checker{}, Log: t.Logf,
		PartnerPeer: "failover peer \"x\" { secondary; }\n"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	socket = filepath.Join(dir, "control")
	server, err := control.ListenLong(socket, k, func() {}, config.MaxRequest)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Close()
		stop()
		<-ended
	})
	return socket
}

// types runs failctl.
func types(args ...string) (code int, stdout, stderr string) {
	var out, complaints bytes.Buffer
	code = run(args, &output{Writer: &out, errors: &complaints})
	return code, out.String(), complaints.String()
}

func TestConfigCommands(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	socket := box(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	hosts := write("hosts.inc", "# hosts\n")
	good := write("good.conf", "include \""+hosts+"\";\ninclude \"more.inc\";\nauthoritative;\n")
	write("more.inc", "# more\n")
	wrong := write("wrong.conf", "wrong;\n")
	large := write("large.conf", strings.Repeat("# a line of a large configuration\n", 130000))
	editor := write("editor", "#!/bin/sh\nsed -i s/authoritative/wrong/ \"$1\"\n")
	if err := os.Chmod(editor, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("EDITOR", editor)
	for _, c := range []struct {
		words     string
		code      int
		want, say string
	}{
		{"config show", 0, "There is no configuration yet", ""},
		{"config check " + wrong, 1, "", "dhcpd.conf:1:1: this is wrong"},
		{"config put " + wrong, 1, "", "dhcpd.conf:1:1: this is wrong"},
		{"config put " + filepath.Join(dir, "none"), 1, "", "cannot read"},
		{"config put " + good + " --confirm soon", 2, "", "write a time as in 90s"},
		{"config put " + good + " --confirm 5s", 1, "", "from 1m0s to 24h0m0s"},
		{"config put " + good + " --comment first", 0, "version 2 is in force here, on trial: confirm it within 5m0s", "becomes include \"hosts.inc\""},
		{"config show", 0, "goes back in 4 min 5", ""},
		{"config put " + large, 1, "", "another change is under way: version 2"},
		{"config cat 2", 0, "include \"hosts.inc\";\ninclude \"more.inc\";\nauthoritative;\n", ""},
		{"config cat 2 more.inc", 0, "# more\n", ""},
		{"config cat 2 x", 1, "", "has no file x; it has dhcpd.conf, hosts.inc, more.inc"},
		{"config diff 2", 0, "+authoritative;", ""},
		{"config cancel", 0, "version 2 is taken back", ""},
		{"config history", 0, "first", ""},
		{"config history --json", 0, `"outcome":"rolled back"`, ""},
		{"config rollback 2", 0, "version 3 is in force here", ""},
		{"config cancel", 0, "version 3 is taken back", ""},
		{"config put " + large, 0, "version 4 is in force here", ""},
		{"config cancel", 0, "taken back", ""},
		{"config edit", 1, "", "nothing was changed"},
		{"config confirm", 1, "", "no change on trial"},
		{"config take mine", 1, "", "no partner"},
		{"config take", 2, "", "whose version"},
		{"config rollback", 2, "", "takes one version"},
		{"config rollback 99", 1, "", "not kept on this box"},
		{"config export", 1, "", "no configuration yet"},
		{"config dance", 2, "", "there is no command \"config dance\""},
	} {
		code, out, said := types(append(strings.Fields(c.words), "--control", socket)...)
		if code != c.code || !strings.Contains(out, c.want) || !strings.Contains(said, c.say) {
			t.Errorf("%s: exit code %d\n%s%s\nwant %d, %q, %q", c.words, code, out, said, c.code, c.want, c.say)
		}
		for line := range strings.Lines(out) {
			if len(strings.TrimSuffix(line, "\n")) > 80 && !strings.Contains(c.words, "json") && strings.Contains(c.words, "show") {
				t.Errorf("%s: over 80 columns: %s", c.words, line)
			}
		}
	}
}

// What was typed in an editor is not lost when it is refused.
func TestConfigEditKeepsWhatIsRefused(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	socket := box(t)
	editor := filepath.Join(tmp, "editor")
	if err := os.WriteFile(editor, []byte("#!/bin/sh\necho wrong >>\"$1\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("EDITOR", editor)
	code, _, said := types("config", "edit", "--control", socket)
	kept, _ := filepath.Glob(filepath.Join(tmp, "refused-*"))
	if code != exitFailed || len(kept) != 1 || !strings.Contains(said, kept[0]) {
		t.Fatalf("%d, %q, kept %q", code, said, kept)
	}
	if raw, err := os.ReadFile(kept[0]); err != nil || string(raw) != "wrong\n" {
		t.Errorf("%q, %v", raw, err)
	}
	t.Setenv("EDITOR", "no-such-editor")
	if _, _, said = types("config", "edit", "--control", socket); !strings.Contains(said, "config put FILE") {
		t.Errorf("%q", said)
	}
}

func TestTwoFilesOfOneName(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	main := filepath.Join(dir, "m.conf")
	for path, text := range map[string]string{main: "include \"a.conf\"; include \"sub/a.conf\";\n", "a.conf": "", "sub/a.conf": ""} {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := withIncludes(&output{errors: new(bytes.Buffer)}, main)
	if err == nil || !strings.Contains(err.Error(), "would both be called a.conf") {
		t.Error(err)
	}
}

func TestReloadCommand(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "none")
	if code, _, said := types("reload", "--control", socket); code != exitFailed || !strings.Contains(said, "start dhcpfd") {
		t.Errorf("%d, %q", code, said)
	}
	if code, _, _ := types("reload", "now"); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
}

// Every help text fits 80 columns and says its exit codes.
func TestHelp(t *testing.T) {
	for _, words := range [][]string{{"--help"}, {"help"}, {"config", "-h"}, {"help", "config"}, {"reload", "--help"}, {"backup", "-h"}, {"help", "restore"}} {
		code, out, _ := types(words...)
		if code != exitOK || !strings.Contains(out, "exit codes:") || !strings.Contains(out, "example") {
			t.Errorf("%q: exit code %d, %.80q", words, code, out)
		}
		for line := range strings.Lines(out) {
			if len(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("%q: over 80 columns: %s", words, line)
			}
		}
	}
	if _, out, _ := types("config", "-h"); !strings.HasPrefix(out, "failctl config") {
		t.Errorf("%.40q", out)
	}
}
