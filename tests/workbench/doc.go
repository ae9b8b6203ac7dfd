// Package workbench tests the local runner's page as a developer uses it, in a headless browser, and the runner under load.
package workbench
