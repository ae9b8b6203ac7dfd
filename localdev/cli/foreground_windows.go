package cli

func takeTerminal() (giveBack func()) { return func() {} }
