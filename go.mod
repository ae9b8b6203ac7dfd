module github.com/stillwarm/stillwarm

go 1.26
