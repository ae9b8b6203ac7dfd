// Package deploy tests what is deployed: template.yaml against the schema of AWS SAM and against what docs/deploy.md
// promises for each combination of parameters, the executable that the makefile build gives, and compose.yaml.
package deploy
