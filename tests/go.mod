module github.com/stillwarm/stillwarm/tests

go 1.26

require github.com/stillwarm/stillwarm v0.0.0

replace github.com/stillwarm/stillwarm => ../
