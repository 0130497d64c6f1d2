package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// sourceVersion names the source and gives the time that an image bears:
// SOURCE_DATE_EPOCH, or that of the last commit.
func sourceVersion(ctx context.Context, version string) (string, time.Time, error) {
	if version == "" {
		if version = git(ctx, "describe", "--tags", "--always", "--dirty"); version == "" {
			version = "unknown"
		}
	}
	text, from := os.Getenv("SOURCE_DATE_EPOCH"), "SOURCE_DATE_EPOCH"
	if text == "" {
		text, from = git(ctx, "log", "-1", "--format=%ct"), "the last commit's time"
	}
	if text == "" {
		return "", time.Time{}, fmt.Errorf("no git repository here to take the time from; set SOURCE_DATE_EPOCH to seconds since 1970")
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("%s is %q, not seconds since 1970", from, text)
	}
	return version, time.Unix(seconds, 0).UTC(), nil
}

// git asks git; no answer is "".
func git(ctx context.Context, args ...string) string {
	out, err := exec.CommandContext(ctx, "git", args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
