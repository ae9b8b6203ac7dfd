module github.com/stillwarm/stillwarm/cmd/stillwarm

go 1.26.0

require github.com/alecthomas/kong v1.17.0

replace github.com/stillwarm/stillwarm => ../../
