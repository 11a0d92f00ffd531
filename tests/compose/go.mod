// The reference that cli/compose/model is compared with.
module github.com/davit-runtime/davit/tests/compose

go 1.26.8

require github.com/compose-spec/compose-go/v2 v2.16.2
